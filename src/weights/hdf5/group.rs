//! Groups: names of children and where their headers are.

use super::cursor::{Cursor, Hdf5};
use super::header::kind;
use crate::error::Result;

/// Names that a path goes through.
const MAX_DEPTH: usize = 24;

/// Bytes of a path; Keras' longest have 80.
const MAX_PATH_BYTES: usize = 256;

/// Groups and datasets below one group: four times what a network with its optimizer has.
const MAX_NODES: usize = 1 << 13;

/// Links of an entry of a symbol table: a name's offset, a header, what is cached.
const HARD_LINK: u64 = 2;

/// A group or dataset below another.
pub(in super::super) struct Node {
    /// Names from the group that was asked for, with slashes between.
    pub(in super::super) path: String,
    /// Of its header.
    pub(in super::super) address: usize,
    /// A dataset, no group.
    pub(in super::super) dataset: bool,
}

impl<'a> Hdf5<'a> {
    /// The root group's header.
    pub(in super::super) const fn root(&self) -> usize {
        self.root
    }

    /// The child of that name.
    pub(in super::super) fn child(&self, group: usize, name: &str) -> Result<Option<usize>> {
        let mut found = None;
        self.links(group, &mut |link, address| {
            if link == name {
                found = Some(address);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Everything below a group, sorted by path; children of the root by these names are left out.
    pub(in super::super) fn tree(&self, group: usize, without: &[&str]) -> Result<Vec<Node>> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut open = vec![(group, String::new(), 0)];
        while let Some((group, path, depth)) = open.pop() {
            self.links(group, &mut |name, address| {
                if depth == 0 && without.contains(&name) {
                    return Ok(());
                }
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
                if depth == MAX_DEPTH || path.len() > MAX_PATH_BYTES || nodes.len() == MAX_NODES {
                    return Err(self
                        .bad("group", group)
                        .expected(format!(
                            "at most {MAX_NODES} objects, paths of {MAX_PATH_BYTES} bytes and {MAX_DEPTH} names"
                        ))
                        .found(format!("{} objects and a path of {} bytes", nodes.len(), path.len())));
                }
                let dataset = self.message(address, kind::LAYOUT)?.is_some();
                if !dataset {
                    open.push((address, path.clone(), depth + 1));
                }
                nodes.push(Node { path, address, dataset });
                Ok(())
            })?;
        }
        crate::small::sort(&mut nodes, &|a, b| a.path < b.path);
        Ok(nodes)
    }

    /// Calls `each` with every child's name and header.
    fn links<'d>(&'d self, group: usize, each: &mut dyn FnMut(&'d str, usize) -> Result<()>) -> Result<()> {
        self.messages(group, &mut |kind, mut message| {
            match kind {
                kind::SYMBOLS => {
                    let (tree, heap) = (message.target()?, message.target()?);
                    let names = self.local_heap(heap)?;
                    self.symbols(tree, names, None, each)?;
                }
                kind::LINK => self.link(message, each)?,
                kind::LINK_INFO => {
                    message.version(&[0])?;
                    let flags = message.byte()?;
                    message.skip(if flags & 1 != 0 { 8 } else { 0 })?;
                    if let (Some(heap), Some(tree)) = (message.address()?, message.address()?) {
                        self.dense(heap, tree, &mut |link| self.link(link, each))?;
                    }
                }
                _ => {}
            }
            Ok(true)
        })
    }

    /// The names of an old group.
    fn local_heap(&self, address: usize) -> Result<Cursor<'_>> {
        let mut at = self.at("local heap", address);
        at.signature(b"HEAP")?;
        at.version(&[0])?;
        at.skip(3)?;
        let size = at.count(8)?;
        at.skip(8)?;
        let data = at.target()?;
        self.region("local heap", data, size)
    }

    /// A node of an old group's B-tree; below the root its level is stated by its parent.
    fn symbols<'d>(
        &'d self,
        address: usize,
        names: Cursor<'d>,
        level: Option<u8>,
        each: &mut dyn FnMut(&'d str, usize) -> Result<()>,
    ) -> Result<()> {
        let mut at = self.at("group's tree", address);
        if level == Some(0) {
            return self.symbol_table(address, names, each);
        }
        let (found, entries) = at.tree_node(0, level)?;
        for _ in 0..entries {
            self.step("group's tree", at.at)?;
            at.skip(8)?;
            let child = at.target()?;
            self.symbols(child, names, Some(found), each)?;
        }
        Ok(())
    }

    /// A leaf.
    fn symbol_table<'d>(
        &'d self,
        address: usize,
        names: Cursor<'d>,
        each: &mut dyn FnMut(&'d str, usize) -> Result<()>,
    ) -> Result<()> {
        let mut at = self.at("symbol table", address);
        at.signature(b"SNOD")?;
        at.version(&[1])?;
        at.skip(1)?;
        for _ in 0..at.count(2)? {
            self.step("symbol table", at.at)?;
            let (name, header, cached) = (at.count(8)?, at.address()?, at.number(4)?);
            at.skip(20)?;
            let mut place = names;
            place.skip(name)?;
            // Where the cache says so it is a symbolic link, which nothing but a name goes with.
            if let Some(header) = header.filter(|_| cached != HARD_LINK) {
                each(place.zero_terminated()?, header)?;
            }
        }
        Ok(())
    }

    /// A link message.
    fn link<'d>(&self, mut at: Cursor<'d>, each: &mut dyn FnMut(&'d str, usize) -> Result<()>) -> Result<()> {
        at.version(&[1])?;
        let flags = at.byte()?;
        let hard = flags & 8 == 0 || at.byte()? == 0;
        // Order of creation; character set.
        at.skip(if flags & 4 != 0 { 8 } else { 0 } + if flags & 16 != 0 { 1 } else { 0 })?;
        let length = at.count(1 << (flags & 3))?;
        let name = at.text(length)?;
        if hard { each(name, at.target()?) } else { Ok(()) }
    }
}
