//! A file's tensors by names without the decorations that savers add.

use crate::small::sort;
use crate::weights::File;

/// What TensorFlow appends to the shadow of a variable under training.
pub(in crate::weights) const SHADOW: &str = "/ExponentialMovingAverage";

/// Names sorted for look-up.
pub(in crate::weights) struct Index<'f> {
    names: Vec<(&'f str, usize)>,
}

/// `name` without an output number, a shadow's mark and a path that is written twice (`a/b/a/b/kernel:0`), and whether
/// it was a shadow.
fn plain(name: &str) -> (&str, bool) {
    let name = name.strip_suffix(":0").unwrap_or(name);
    let (name, shadow) = name.strip_suffix(SHADOW).map_or((name, false), |name| (name, true));
    for (at, _) in name.match_indices('/') {
        let (path, rest) = (&name[..at], &name[at + 1..]);
        if rest.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')) {
            return (rest, shadow);
        }
    }
    (name, shadow)
}

impl<'f> Index<'f> {
    pub(in crate::weights) fn new(file: &'f File<'_>) -> Self {
        let key = |index: usize| {
            let (name, shadow) = plain(&file.tensors[index].name);
            // A shadow is what training kept for inference: it goes before the variable itself.
            (name, !shadow, index)
        };
        let mut keys: Vec<usize> = (0..file.tensors.len()).collect();
        sort(&mut keys, &|&a, &b| key(a) < key(b));
        let mut names: Vec<(&str, usize)> = keys.into_iter().map(|index| (key(index).0, index)).collect();
        names.dedup_by_key(|name| name.0);
        Self { names }
    }

    /// The tensor whose name is `base` and one of `ends`.
    #[inline(never)]
    pub(in crate::weights) fn any(&self, base: &str, ends: &[&str]) -> Option<usize> {
        let mut name = base.to_owned();
        ends.iter().find_map(|end| {
            name.truncate(base.len());
            name.push_str(end);
            self.get(&name)
        })
    }

    /// The tensor of that name.
    #[inline(never)]
    pub(in crate::weights) fn get(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|row| row.0.cmp(name)).ok().map(|at| self.names[at].1)
    }

    /// What stands before `end` in the names of matrices that end so, and which tensors they are.
    pub(in crate::weights) fn matrices(&self, file: &File<'_>, end: &str) -> Vec<(&'f str, usize)> {
        let rank = |index: usize| file.tensors[index].shape.len();
        let named = self.names.iter().filter(|row| rank(row.1) == 2);
        named.filter_map(|row| Some((row.0.strip_suffix(end)?, row.1))).collect()
    }

    /// What stands before `end` in the shortest name that ends so, where it is whole scopes or modules.
    #[inline(never)]
    pub(in crate::weights) fn prefix(&self, end: &str) -> Option<&'f str> {
        let prefixes = self.names.iter().filter_map(|row| row.0.strip_suffix(end));
        prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with(['.', '/'])).min_by_key(|prefix| prefix.len())
    }
}
