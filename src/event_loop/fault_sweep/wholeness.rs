//! What the directory may look like after a conversation, whatever its replies were: nothing is torn.

use super::faulty_server::{OLD, Tree, is_extended, upload};

pub fn is(tree: &Tree, name: &str, contents: &[&[u8]]) -> bool {
    tree.read(name).is_some_and(|found| contents.contains(&&found[..]))
}

pub fn is_unchanged(tree: &Tree) -> bool {
    is(tree, "target", &[OLD]) && tree.read("new").is_none()
}

pub fn is_created(tree: &Tree) -> bool {
    is(tree, "target", &[OLD]) && (tree.read("new").is_none() || is(tree, "new", &[&upload()]))
}

pub fn is_part_created(tree: &Tree) -> bool {
    is(tree, "target", &[OLD]) && tree.read("new").is_none_or(|found| is_extended(&found, b"", &upload()))
}

pub fn is_replaced(tree: &Tree) -> bool {
    is(tree, "target", &[OLD, &upload()]) && tree.read("new").is_none()
}

pub fn is_appended(tree: &Tree) -> bool {
    tree.read("target")
        .is_some_and(|found| is_extended(&found, OLD, &upload()))
}

pub fn is_restarted(tree: &Tree) -> bool {
    let is_begun = |found: Vec<u8>| is_extended(&found, &OLD[..10], &upload());
    is(tree, "target", &[OLD]) || tree.read("target").is_some_and(is_begun)
}

/// The contents of files that no other scenario knows.
pub fn unique(tree: &Tree) -> Vec<Option<Vec<u8>>> {
    let names = tree.names().into_iter();
    let unknown = names.filter(|name| !["d", "file", "target"].contains(&name.as_str()) && !name.starts_with('.'));
    unknown.map(|name| tree.read(&name)).collect()
}

pub fn is_unique_created(tree: &Tree) -> bool {
    is(tree, "target", &[OLD]) && unique(tree).iter().all(|found| *found == Some(upload()))
}

pub fn is_renamed(tree: &Tree) -> bool {
    let [old, new] = ["target", "new"].map(|name| tree.read(name));
    [old, new].iter().flatten().map(Vec::as_slice).eq([OLD])
}

pub fn is_deleted(tree: &Tree) -> bool {
    tree.read("target").is_none_or(|found| found == OLD)
}
