//! Virtual paths: the paths that clients use, in one canonical form.
//!
//! A [`VirtualPath`] is absolute, has no `.`, `..` or empty component, and cannot be made otherwise; `..` at the root
//! stays at the root. It is bytes, never decoded or normalised, and it knows nothing of the file system: the kernel
//! resolves it under the root's descriptor.

/// Longest path and component, in bytes (PATH_MAX and NAME_MAX of Linux).
const LONGEST: usize = 4095;
const LONGEST_COMPONENT: usize = 255;

/// An absolute, canonical path under the served root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VirtualPath(
    /// Empty for the root (which allocates nothing), else `/a/b`.
    Vec<u8>,
);

impl VirtualPath {
    /// `/`
    pub const ROOT: VirtualPath = VirtualPath(Vec::new());

    /// The path that `argument` means when the working directory is `self`: absolute if it starts with `/`, else
    /// relative. `None`: the path is longer than 4,095 bytes, or a component longer than 255.
    pub fn join(&self, argument: &[u8]) -> Option<VirtualPath> {
        let is_absolute = argument.starts_with(b"/");
        let mut path = if is_absolute { Vec::new() } else { self.0.clone() };
        for component in argument.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => path.truncate(path.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
                name if name.len() > LONGEST_COMPONENT => return None,
                name => {
                    path.push(b'/');
                    path.extend_from_slice(name);
                }
            }
        }
        (path.len() <= LONGEST).then_some(VirtualPath(path))
    }

    /// The directory above; the root's is the root.
    pub fn parent(&self) -> VirtualPath {
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let (parent, _) = self.0.split_at(end);
        VirtualPath(parent.to_vec())
    }

    /// The path of the directory above, as the kernel takes it relative to the root (empty for the root itself), and
    /// the last component. `None` for the root, which has none.
    pub fn split_last(&self) -> Option<(&[u8], &[u8])> {
        let mut parts = self.0.rsplitn(2, |byte| *byte == b'/');
        let (name, parent) = (parts.next()?, parts.next()?);
        Some((parent.strip_prefix(b"/").unwrap_or(parent), name))
    }

    /// The entry `name` of this directory; `name` is a single component, as a directory lists it.
    pub fn child(&self, name: &[u8]) -> VirtualPath {
        let mut path = self.0.clone();
        path.push(b'/');
        path.extend_from_slice(name);
        VirtualPath(path)
    }

    /// The path relative to the root, as the kernel takes it: `a/b`, or `.` for the root.
    pub fn relative(&self) -> &[u8] {
        self.0.get(1..).unwrap_or(b".")
    }

    /// The path as clients know it: `/a/b`, or `/`.
    pub fn as_bytes(&self) -> &[u8] {
        if self.0.is_empty() { b"/" } else { &self.0 }
    }

    /// The components, from the top.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').skip(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(from: &str, argument: &str) -> String {
        let from = VirtualPath::ROOT.join(from.as_bytes()).expect("short");
        let path = from.join(argument.as_bytes()).expect("short");
        String::from_utf8(path.as_bytes().to_vec()).expect("UTF-8")
    }

    #[test]
    fn c02_every_spelling_has_one_canonical_form() {
        for spelling in ["/a/b", "//a//b", "/./a/./b/.", "/a/b/", "/x/../a/b", "a/b", "/../a/b"] {
            assert_eq!(joined("/", spelling), "/a/b", "{spelling}");
        }
        assert_eq!(joined("/a", ""), "/a");
        assert_eq!(joined("/a/b", ".."), "/a");
        assert_eq!(joined("/a/b", "../../../.."), "/");
    }

    #[test]
    fn c01_the_parent_of_the_root_is_the_root() {
        for escape in ["..", "../..", "/..", "/../../etc", "a/../../..", "....//....//"] {
            assert!(joined("/", escape).starts_with('/'));
            assert!(
                !joined("/", escape).split('/').any(|component| component == ".."),
                "{escape}"
            );
        }
    }

    #[test]
    fn c17_nothing_else_is_special() {
        for name in ["~", "~root", "$HOME", "..\\..", "C:", "%2e%2e", "..."] {
            assert_eq!(joined("/", name), format!("/{name}"));
        }
    }

    #[test]
    fn c13_long_paths_are_refused() {
        assert!(VirtualPath::ROOT.join(&[b'a'; 255]).is_some());
        assert_eq!(VirtualPath::ROOT.join(&[b'a'; 256]), None);
        let mut path = VirtualPath::ROOT;
        let mut steps = 0;
        while let Some(longer) = path.join(b"a") {
            path = longer;
            steps += 1;
        }
        assert_eq!(steps, 2047);
        assert!(path.as_bytes().len() <= LONGEST);
    }

    #[test]
    fn kernel_paths_are_relative_to_the_root() {
        assert_eq!(VirtualPath::ROOT.relative(), b".");
        assert_eq!(VirtualPath::ROOT.child(b"a").child(b"b").relative(), b"a/b");
        assert_eq!(VirtualPath::ROOT.child(b"a").parent(), VirtualPath::ROOT);
        assert_eq!(VirtualPath::ROOT.components().count(), 0);
        assert_eq!(VirtualPath::ROOT.split_last(), None);
        let a = VirtualPath::ROOT.child(b"a");
        assert_eq!(a.split_last(), Some((&b""[..], &b"a"[..])));
        assert_eq!(a.child(b"bc").child(b"d").split_last(), Some((&b"a/bc"[..], &b"d"[..])));
    }

    fn argument() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), Just(b'a'), any::<u8>()], 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn c02_canonical_paths_stay_as_they_are(from in argument(), to in argument()) {
            let base = VirtualPath::ROOT.join(&from).expect("short");
            let path = base.join(&to).expect("short");
            prop_assert_eq!(&VirtualPath::ROOT.join(path.as_bytes()).expect("short"), &path);
            prop_assert_eq!(path.as_bytes().first(), Some(&b'/'));
            prop_assert!(path.components().all(|part| !part.is_empty() && part != b"." && part != b".."));
        }
    }
}
