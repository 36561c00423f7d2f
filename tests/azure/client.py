"""Azure's own client for Python against the agent: what it sends is understood, and what it is answered it understands.

Called as `client.py URL TOKEN`. An operation that the client took for unfinished would be waited for longer than the test's patience.
"""

import asyncio
import sys

from azure.core.credentials import AccessToken
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.aio import NetworkManagementClient as AsyncNetworkManagementClient
from azure.mgmt.network.models import (
    AddressSpace,
    NetworkInterface,
    NetworkInterfaceIPConfiguration,
    Subnet,
    SubResource,
    VirtualNetwork,
    VirtualNetworkPeering,
)

SUBSCRIPTION = "default"
GROUP = "prod"
# The client accepts plain HTTP where each call says so.
HTTP = {"enforce_https": False}
# Far beyond the test's patience: nothing here may be waited for.
OPTIONS = {"credential_scopes": ["vnet"], "polling_interval": 3600, "retry_total": 0}


class Credential:
    """A token that is there already."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, 1 << 40)


class AsyncCredential:
    """The same for the asynchronous client."""

    def __init__(self, token):
        self.token = token

    async def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, 1 << 40)

    async def close(self):
        pass

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_details):
        pass


def vnet(*ranges, subnets=()):
    return VirtualNetwork(
        location="westeurope",
        address_space=AddressSpace(address_prefixes=list(ranges)),
        subnets=[Subnet(name=name, address_prefix=prefix) for name, prefix in subnets],
    )


def peering(client, remote, **flags):
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/{remote}"
    return VirtualNetworkPeering(remote_virtual_network=SubResource(id=path), **flags)


def refused(error_type, code, call):
    """The error that a call ends with."""
    try:
        call()
    except error_type as error:
        assert error.error.code == code, (error.error.code, code, error.message)
        assert error.error.message, error
        return error
    raise AssertionError(f"{code} was expected")


def create_networks(client):
    networks = client.virtual_networks
    hub = networks.begin_create_or_update(
        GROUP, "hub", vnet("10.0.0.0/16", "fd00:a::/48", subnets=[("default", "10.0.1.0/24")]), **HTTP
    ).result()
    assert hub.provisioning_state == "Succeeded" and hub.name == "hub" and hub.location == "westeurope", hub
    assert hub.address_space.address_prefixes == ["10.0.0.0/16", "fd00:a::/48"], hub
    assert [(one.name, one.address_prefix) for one in hub.subnets] == [("default", "10.0.1.0/24")], hub
    networks.begin_create_or_update(GROUP, "spoke", vnet("10.1.0.0/16"), **HTTP).result()
    extra = client.subnets.begin_create_or_update(
        GROUP, "spoke", "extra", Subnet(address_prefixes=["10.1.2.0/24", "10.1.3.0/24"]), **HTTP
    ).result()
    assert extra.address_prefixes == ["10.1.2.0/24", "10.1.3.0/24"], extra
    assert [one.name for one in client.subnets.list(GROUP, "spoke", **HTTP)] == ["extra"]
    assert [one.name for one in networks.list(GROUP, **HTTP)] == ["hub", "spoke"]
    assert [one.name for one in networks.list_all(**HTTP)] == ["hub", "spoke"]


def state(client, network, name):
    side = client.virtual_network_peerings.get(GROUP, network, name, **HTTP)
    return side.peering_state, side.peering_sync_level


def peer(client):
    peerings = client.virtual_network_peerings
    first = peerings.begin_create_or_update(
        GROUP, "hub", "to-spoke", peering(client, "spoke", allow_forwarded_traffic=True), **HTTP
    ).result()
    assert first.peering_state == "Initiated", first
    assert first.allow_virtual_network_access and first.allow_forwarded_traffic and not first.use_remote_gateways
    second = peerings.begin_create_or_update(GROUP, "spoke", "to-hub", peering(client, "hub"), **HTTP).result()
    assert second.peering_state == "Connected", second
    assert second.remote_address_space.address_prefixes == ["10.0.0.0/16", "fd00:a::/48"], second
    assert state(client, "hub", "to-spoke") == ("Connected", "FullyInSync")
    assert [one.name for one in peerings.list(GROUP, "hub", **HTTP)] == ["to-spoke"]


def grow_and_sync(client):
    networks, peerings = client.virtual_networks, client.virtual_network_peerings
    spoke = networks.get(GROUP, "spoke", **HTTP)
    spoke.address_space.address_prefixes.append("10.7.0.0/16")
    spoke = networks.begin_create_or_update(GROUP, "spoke", spoke, **HTTP).result()
    assert spoke.address_space.address_prefixes == ["10.1.0.0/16", "10.7.0.0/16"], spoke
    assert [one.name for one in spoke.subnets] == ["extra"], spoke
    assert state(client, "spoke", "to-hub") == ("Connected", "LocalNotInSync")
    assert state(client, "hub", "to-spoke") == ("Connected", "RemoteNotInSync")
    side = peerings.get(GROUP, "hub", "to-spoke", **HTTP)
    assert side.remote_address_space.address_prefixes == ["10.1.0.0/16"], side
    assert side.remote_virtual_network_address_space.address_prefixes == ["10.1.0.0/16", "10.7.0.0/16"], side
    side = peerings.begin_create_or_update(
        GROUP, "hub", "to-spoke", side, sync_remote_address_space="true", **HTTP
    ).result()
    assert side.peering_sync_level == "FullyInSync" and side.allow_forwarded_traffic, side
    assert side.remote_address_space.address_prefixes == ["10.1.0.0/16", "10.7.0.0/16"], side


def send_back_what_was_read(client):
    """A whole network as it was read, put back: nothing changes, the etag neither."""
    networks = client.virtual_networks
    before = networks.get(GROUP, "hub", **HTTP)
    after = networks.begin_create_or_update(GROUP, "hub", before, **HTTP).result()
    assert after == before, (before, after)
    # As a mapping, the read-only properties go back too.
    again = networks.begin_create_or_update(GROUP, "hub", dict(before.as_dict()), **HTTP).result()
    assert again.etag == before.etag, (before.etag, again.etag)


def use_network_interfaces(client):
    interfaces = client.network_interfaces
    subnet = client.subnets.get(GROUP, "hub", "default", **HTTP)

    def nic(address=None):
        return NetworkInterface(
            location="westeurope",
            ip_configurations=[
                NetworkInterfaceIPConfiguration(name="first", subnet=Subnet(id=subnet.id), private_ip_address=address)
            ],
        )

    chosen = interfaces.begin_create_or_update(GROUP, "chosen", nic("10.0.1.9"), **HTTP).result()
    assert chosen.ip_configurations[0].private_ip_address == "10.0.1.9", chosen
    free = interfaces.begin_create_or_update(GROUP, "free", nic(), **HTTP).result()
    assert free.ip_configurations[0].private_ip_address == "10.0.1.4", free
    assert free.mac_address and not free.enable_ip_forwarding, free
    free.enable_ip_forwarding = True
    updated = interfaces.begin_create_or_update(GROUP, "free", free, **HTTP).result()
    assert updated.enable_ip_forwarding and updated.mac_address == free.mac_address, updated
    assert updated.ip_configurations[0].private_ip_address == "10.0.1.4", updated
    assert [one.name for one in interfaces.list(GROUP, **HTTP)] == ["chosen", "free"]
    assert [one.name for one in interfaces.list_all(**HTTP)] == ["chosen", "free"]
    assert len(client.subnets.get(GROUP, "hub", "default", **HTTP).ip_configurations) == 2
    routes = interfaces.begin_get_effective_route_table(GROUP, "free", **HTTP).result().value
    peered = [route.address_prefix for route in routes if route.next_hop_type == "VNetPeering"]
    assert peered == [["10.1.0.0/16"], ["10.7.0.0/16"]], peered
    refused(
        HttpResponseError,
        "AddressInUse",
        lambda: interfaces.begin_create_or_update(GROUP, "late", nic("10.0.1.9"), **HTTP),
    )
    refused(
        ResourceExistsError,
        "VnetAddressSpaceInUse",
        lambda: client.subnets.begin_delete(GROUP, "hub", "default", **HTTP),
    )
    for name in ("chosen", "free", "never-there"):
        interfaces.begin_delete(GROUP, name, **HTTP).result()
    assert list(interfaces.list(GROUP, **HTTP)) == []


def keep_conditions(client):
    """The client has no parameters for conditions of these kinds; headers go with every call."""
    networks = client.virtual_networks
    hub = networks.get(GROUP, "hub", **HTTP)
    stale = {"headers": {"If-Match": 'W/"0123"'}, **HTTP}
    error = refused(
        HttpResponseError,
        "PreconditionFailed",
        lambda: networks.begin_create_or_update(GROUP, "hub", hub, **stale),
    )
    assert error.status_code == 412, error
    networks.begin_create_or_update(GROUP, "hub", hub, headers={"If-Match": hub.etag}, **HTTP).result()
    refused(
        HttpResponseError,
        "PreconditionFailed",
        lambda: networks.begin_create_or_update(GROUP, "hub", hub, headers={"If-None-Match": "*"}, **HTTP),
    )


def meet_refusals(client):
    networks, peerings = client.virtual_networks, client.virtual_network_peerings
    error = refused(ResourceNotFoundError, "ResourceNotFound", lambda: networks.get(GROUP, "nowhere", **HTTP))
    assert error.status_code == 404, error
    refused(
        HttpResponseError,
        "SubnetNotInVnet",
        lambda: client.subnets.begin_create_or_update(
            GROUP, "hub", "far", Subnet(address_prefix="10.200.0.0/24"), **HTTP
        ),
    )
    refused(
        ResourceExistsError,
        "AnotherPeeringAlreadyReferencesRemoteVnet",
        lambda: peerings.begin_create_or_update(GROUP, "hub", "second", peering(client, "spoke"), **HTTP),
    )
    refused(
        HttpResponseError,
        "InvalidRequestContent",
        lambda: networks.begin_create_or_update(
            GROUP, "protected", VirtualNetwork(
                location="westeurope",
                address_space=AddressSpace(address_prefixes=["10.9.0.0/16"]),
                enable_ddos_protection=True,
            ), **HTTP
        ),
    )
    # Deleting one side breaks the other, which says so.
    peerings.begin_delete(GROUP, "spoke", "to-hub", **HTTP).result()
    assert state(client, "hub", "to-spoke")[0] == "Disconnected"
    refused(
        ResourceExistsError,
        "RemotePeeringIsDisconnected",
        lambda: peerings.begin_create_or_update(GROUP, "spoke", "to-hub", peering(client, "hub"), **HTTP),
    )


def delete_everything(client):
    client.virtual_network_peerings.begin_delete(GROUP, "hub", "to-spoke", **HTTP).result()
    client.subnets.begin_delete(GROUP, "spoke", "extra", **HTTP).result()
    for name in ("hub", "spoke", "never-there"):
        client.virtual_networks.begin_delete(GROUP, name, **HTTP).result()
    assert list(client.virtual_networks.list_all(**HTTP)) == []


def follow_the_pages(url, token):
    """Another subscription has more networks than a page holds."""
    client = NetworkManagementClient(Credential(token), "many", base_url=url, **OPTIONS)
    names = [network.name for network in client.virtual_networks.list_all(**HTTP)]
    assert len(names) == len(set(names)) == 1001, len(names)


def follow_the_pages(url, token):
    """Another subscription has more networks than a page of a list holds."""
    client = NetworkManagementClient(Credential(token), "many", url, **OPTIONS)
    names = [network.name for network in client.virtual_networks.list_all(**HTTP)]
    assert len(names) == len(set(names)) == 1001, names


def be_sent_away(url):
    stranger = NetworkManagementClient(Credential("wrong"), SUBSCRIPTION, url, **OPTIONS)
    error = refused(
        ClientAuthenticationError, "AuthenticationFailed", lambda: list(stranger.virtual_networks.list_all(**HTTP))
    )
    assert error.status_code == 401, error


async def go_on_asynchronously(url, token):
    async with AsyncNetworkManagementClient(AsyncCredential(token), SUBSCRIPTION, url, **OPTIONS) as client:
        networks = client.virtual_networks
        poller = await networks.begin_create_or_update(GROUP, "later", vnet("10.3.0.0/16"), **HTTP)
        assert (await poller.result()).name == "later"
        assert [one.name async for one in networks.list(GROUP, **HTTP)] == ["later"]
        await (await networks.begin_delete(GROUP, "later", **HTTP)).result()
        assert [one.name async for one in networks.list(GROUP, **HTTP)] == []


def main(url, token):
    client = NetworkManagementClient(Credential(token), SUBSCRIPTION, url, **OPTIONS)
    steps = [
        create_networks,
        peer,
        grow_and_sync,
        send_back_what_was_read,
        use_network_interfaces,
        keep_conditions,
        meet_refusals,
        delete_everything,
    ]
    for step in steps:
        step(client)
        print(f"done: {step.__name__}")
    follow_the_pages(url, token)
    print("done: follow_the_pages")
    be_sent_away(url)
    print("done: be_sent_away")
    asyncio.run(go_on_asynchronously(url, token))
    print("done: go_on_asynchronously")


main(*sys.argv[1:])
