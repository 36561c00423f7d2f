//! stub
pub struct Attachment;
pub struct Attachments;
pub fn compile() {}
