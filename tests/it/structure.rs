//! What the source says of itself: which file imports which, and that none does so in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src`, by its path there; and the files that it imports from.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_imports_form_a_cycle() {
    let mut imports = Imports::new();
    for (root, modules) in [("src/lib.rs", "src"), ("src/bin/ftpstorm/main.rs", "src/bin/ftpstorm")] {
        imports.extend(Crate::read(root, modules).imports());
    }
    assert!(imports.len() > 100, "the sources were found");
    assert!(
        imports["session/mod.rs"].contains("session/step.rs"),
        "and their imports: {:?}",
        imports["session/mod.rs"]
    );
    let circle = circle_in(&imports);
    assert!(circle.is_empty(), "imported in a circle: {}", circle.join(" → "));
}

/// It would repeat the server's errors.
#[test]
fn the_reference_model_uses_nothing_of_the_server() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model");
    for file in fs::read_dir(model).expect("the model") {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a source");
        for name in ["crate::", "loopftpd::"] {
            assert!(!text.contains(name), "{}: {name}", path.display());
        }
    }
}

#[test]
fn an_import_cycle_is_found() {
    let file = |name: &str, imported: &[&str]| {
        let imported = imported.iter().map(|name| (*name).to_owned()).collect();
        (name.to_owned(), imported)
    };
    let mut imports = Imports::from([
        file("a", &["b"]),
        file("b", &["c", "d"]),
        file("c", &[]),
        file("d", &[]),
    ]);
    assert!(circle_in(&imports).is_empty());
    imports.extend([file("d", &["a"])]);
    assert_eq!(circle_in(&imports), ["a", "b", "d", "a"]);
}

/// The files of one crate, and how its modules and names are found in them.
struct Crate {
    /// By module path without `crate`; the root is empty.
    modules: BTreeMap<Vec<String>, Source>,
}

struct Source {
    file: String,
    /// Paths of what it uses, outside tests.
    used: Vec<Vec<String>>,
    /// What `pub use` hands on: the name, and the path where it is.
    handed_on: BTreeMap<String, Vec<String>>,
}

impl Crate {
    fn read(root: &str, directory: &str) -> Self {
        let mut modules = BTreeMap::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        read_module(Vec::new(), &root, &base, &mut modules);
        Self { modules }
    }

    fn imports(&self) -> Imports {
        let of = |(path, source): (&Vec<String>, &Source)| {
            let imported = source.used.iter().filter_map(|used| self.file_of(path, used, 0));
            let imported = imported.filter(|file| *file != source.file).collect();
            (source.file.clone(), imported)
        };
        self.modules.iter().map(of).collect()
    }

    /// The file in which what the module `from` calls `used` is written; `None`: in another crate.
    fn file_of(&self, from: &[String], used: &[String], depth: usize) -> Option<String> {
        assert!(depth < 20, "names form a cycle: {used:?}");
        let path = self.absolute(from, used)?;
        let known = (0..=path.len())
            .rev()
            .find(|length| self.modules.contains_key(&path[..*length]))?;
        let source = &self.modules[&path[..known]];
        match path.get(known).and_then(|name| source.handed_on.get(name)) {
            Some(place) => self.file_of(&path[..known], place, depth + 1),
            None => Some(source.file.clone()),
        }
    }

    fn absolute(&self, from: &[String], used: &[String]) -> Option<Vec<String>> {
        let (first, rest) = used.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([from, rest].concat()),
            "super" => {
                let (_, parent) = from.split_last()?;
                match rest.first().map(String::as_str) {
                    Some("super") => self.absolute(parent, rest),
                    _ => Some([parent, rest].concat()),
                }
            }
            child => {
                let path = [from, &[child.to_owned()]].concat();
                self.modules.contains_key(&path).then(|| [&path, rest].concat())
            }
        }
    }
}

/// Reads the module `path` from `file`, and its children from `directory`.
fn read_module(path: Vec<String>, file: &Path, directory: &Path, modules: &mut BTreeMap<Vec<String>, Source>) {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    // Tests come last in a file, and may import what they like.
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut source = Source {
        file: shown(file),
        used: Vec::new(),
        handed_on: BTreeMap::new(),
    };
    for statement in use_statements(code) {
        let is_handed_on = statement.starts_with("pub use ");
        let tree = statement.split_once("use ").map_or("", |(_, tree)| tree);
        for (used, name) in paths_of(tree) {
            if !is_handed_on || is_used(&name, code) {
                source.used.push(used.clone());
            }
            if is_handed_on {
                source.handed_on.insert(name, used);
            }
        }
    }
    source.used.extend(written_out(code));
    for name in declared_modules(code) {
        let child = [&path[..], std::slice::from_ref(&name)].concat();
        let below = directory.join(&name);
        let alone = directory.join(format!("{name}.rs"));
        let file = if alone.exists() { alone } else { below.join("mod.rs") };
        read_module(child, &file, &below, modules);
    }
    modules.insert(path, source);
}

/// Whether the code itself uses a name that it hands on: then the name is on a line that imports nothing.
fn is_used(name: &str, code: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut is_import = false;
    code.lines().any(|line| {
        let begins = ["use ", "pub use "].iter().any(|start| line.starts_with(start));
        is_import = begins || (is_import && !line.starts_with(|first: char| first.is_alphabetic() || first == '/'));
        let is_comment = line.trim_start().starts_with("//");
        !is_import && !is_comment && line.split(|letter: char| !is_word(letter)).any(|word| word == name)
    })
}

/// Paths that are written out where they are used, such as `crate::clock::wall_clock()`.
fn written_out(code: &str) -> Vec<Vec<String>> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//") && !line.contains("use ");
    let words = |line: &'_ str| -> Vec<Vec<String>> {
        line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'))
            .filter(|word| word.starts_with("crate::") || word.starts_with("super::"))
            .map(segments)
            .collect()
    };
    code.lines().filter(is_code).flat_map(words).collect()
}

fn shown(file: &Path) -> String {
    let base = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    file.strip_prefix(base).expect("a file of src").display().to_string()
}

fn declared_modules(code: &str) -> Vec<String> {
    let declared = |line: &str| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    code.lines().filter_map(declared).collect()
}

/// Each `use` at the start of a line, up to its semicolon, in one line.
fn use_statements(code: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut open: Option<String> = None;
    for line in code.lines() {
        let begins = ["use ", "pub use ", "pub(super) use "]
            .iter()
            .any(|start| line.starts_with(start));
        match &mut open {
            Some(statement) => *statement += line.trim(),
            None if begins => open = Some(line.to_owned()),
            None => {}
        }
        if let Some(statement) = open.take_if(|statement| statement.ends_with(';')) {
            statements.push(statement.trim_end_matches(';').to_owned());
        }
    }
    statements
}

/// `a::{b, c::d as e}` as the paths that it names, each with the name that it gets.
fn paths_of(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some((prefix, group)) = tree.split_once('{') {
        let prefix: Vec<String> = segments(prefix);
        let group = group.strip_suffix('}').expect("a closed group");
        let inner = split_at_commas(group).into_iter().flat_map(|part| paths_of(&part));
        return inner
            .map(|(path, name)| {
                let path = if path == ["self"] {
                    prefix.clone()
                } else {
                    [&prefix[..], &path].concat()
                };
                (path, name)
            })
            .collect();
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
    let path = segments(path);
    let name = if name.is_empty() {
        path.last().cloned().unwrap_or_default()
    } else {
        name.to_owned()
    };
    vec![(path, name)]
}

fn segments(path: &str) -> Vec<String> {
    path.split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn split_at_commas(group: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("one at least").push(letter);
    }
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// The first circle found, its first file also at the end; empty if there is none.
fn circle_in(imports: &Imports) -> Vec<String> {
    let mut done = BTreeSet::new();
    imports
        .keys()
        .find_map(|file| walk(file, imports, &mut Vec::new(), &mut done))
        .unwrap_or_default()
}

fn walk(file: &str, imports: &Imports, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|earlier| earlier == file) {
        return Some([&path[start..], &[file.to_owned()]].concat());
    }
    if !done.insert(file.to_owned()) {
        return None;
    }
    path.push(file.to_owned());
    let circle = imports[file].iter().find_map(|next| walk(next, imports, path, done));
    path.pop();
    circle
}
