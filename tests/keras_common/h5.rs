//! HDF5 files written on the spot, in the layout that h5py gives Keras' files: the first superblock, old groups, numbers
//! one after the other.

/// What a group has beside its children.
pub enum Attribute {
    Text(String),
    Texts(Vec<String>),
}

pub enum Node {
    Group(Group),
    /// Singles of this shape.
    Dataset(Vec<usize>, Vec<f32>),
}

#[derive(Default)]
pub struct Group {
    pub attributes: Vec<(&'static str, Attribute)>,
    pub children: Vec<(String, Node)>,
}

impl Group {
    /// The group at a path below this one, made where it is not there.
    pub fn at(&mut self, path: &str) -> &mut Self {
        path.split('/').filter(|name| !name.is_empty()).fold(self, |group, name| {
            let index = group.children.iter().position(|child| child.0 == name).unwrap_or_else(|| {
                group.children.push((name.into(), Node::Group(Self::default())));
                group.children.len() - 1
            });
            match &mut group.children[index].1 {
                Node::Group(group) => group,
                Node::Dataset(..) => panic!("{path} goes through a dataset"),
            }
        })
    }

    /// Puts a dataset at a path below this group.
    pub fn put(&mut self, path: &str, shape: &[usize], values: &[f32]) {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.at(above).children.push((name.into(), Node::Dataset(shape.into(), values.into())));
    }

    /// The whole file.
    pub fn file(&self) -> Vec<u8> {
        let mut file = vec![0; SUPERBLOCK_BYTES];
        let root = group(&mut file, self);
        let end = file.len();
        let begin = [
            b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0",
            &[LEAF_ENTRIES as u8 / 2, 0, TREE_ENTRIES as u8 / 2, 0, 0, 0, 0, 0][..],
            &words(&[0, NOWHERE, end, NOWHERE, 0, root, 0, 0, 0]),
        ];
        file[..SUPERBLOCK_BYTES].copy_from_slice(&begin.concat()[..SUPERBLOCK_BYTES]);
        file
    }
}

const SUPERBLOCK_BYTES: usize = 96;
const NOWHERE: usize = usize::MAX;
/// Children of a leaf and of the tree above it: what the library takes for granted.
const LEAF_ENTRIES: usize = 8;
const TREE_ENTRIES: usize = 32;

fn words(values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|&value| (value as u64).to_le_bytes()).collect()
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// Appends a block and says where it begins.
fn put(file: &mut Vec<u8>, block: &[u8]) -> usize {
    file.resize(file.len().next_multiple_of(8), 0);
    let at = file.len();
    file.extend(block);
    at
}

fn header(file: &mut Vec<u8>, messages: &[(u16, Vec<u8>)]) -> usize {
    let body: Vec<u8> = messages
        .iter()
        .flat_map(|(kind, contents)| {
            let contents = padded(contents.clone());
            let length = u16::try_from(contents.len()).expect("a message of less than 64 KiB");
            [&kind.to_le_bytes()[..], &length.to_le_bytes(), &[0; 4], &contents].concat()
        })
        .collect();
    let count = (messages.len() as u16).to_le_bytes();
    let length = (body.len() as u32).to_le_bytes();
    put(file, &[&[1, 0][..], &count, &[1, 0, 0, 0], &length, &[0; 4], &body].concat())
}

fn space(shape: &[usize]) -> Vec<u8> {
    [&[1, shape.len() as u8, 0, 0, 0, 0, 0, 0][..], &words(shape)].concat()
}

fn attribute((name, value): &(&str, Attribute)) -> Vec<u8> {
    let (texts, shape): (&[String], &[usize]) = match value {
        Attribute::Text(text) => (std::slice::from_ref(text), &[]),
        Attribute::Texts(texts) => (texts, &[texts.len()]),
    };
    let size = texts.iter().map(String::len).max().unwrap_or(0).max(1);
    let data: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain(vec![0; size - text.len()])).collect();
    // Text of a fixed size, filled up with zeros.
    let kind = [&[0x13, 1, 0, 0][..], &(size as u32).to_le_bytes()].concat();
    let name = [name.as_bytes(), b"\0"].concat();
    let sizes = [name.len(), kind.len(), space(shape).len()].map(|size| (size as u16).to_le_bytes()).concat();
    [vec![1, 0], sizes, padded(name), padded(kind), padded(space(shape)), data].concat()
}

fn dataset(file: &mut Vec<u8>, shape: &[usize], values: &[f32]) -> usize {
    assert_eq!(shape.iter().product::<usize>(), values.len());
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let at = put(file, &bytes);
    // IEEE singles: bits, exponent at 23 of 8 bits, mantissa of 23, bias.
    let single = [0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];
    let layout = [vec![3, 1], words(&[at, bytes.len()])].concat();
    header(file, &[(1, space(shape)), (3, single.into()), (8, layout)])
}

fn group(file: &mut Vec<u8>, group: &Group) -> usize {
    let mut children: Vec<(&str, usize)> = group
        .children
        .iter()
        .map(|(name, node)| match node {
            Node::Group(group) => (&**name, self::group(file, group)),
            Node::Dataset(shape, values) => (&**name, dataset(file, shape, values)),
        })
        .collect();
    children.sort_unstable();
    assert!(children.len() <= LEAF_ENTRIES * TREE_ENTRIES, "a tree of one level");
    let mut names = vec![0; 8];
    let offsets: Vec<usize> = children
        .iter()
        .map(|(name, _)| {
            let at = names.len();
            names.extend(padded([name.as_bytes(), b"\0"].concat()));
            at
        })
        .collect();
    let data = put(file, &names);
    let heap = put(file, &[b"HEAP\0\0\0\0", &words(&[names.len(), 1, data])[..]].concat());
    let mut tree = words(&[0]);
    for (children, offsets) in children.chunks(LEAF_ENTRIES).zip(offsets.chunks(LEAF_ENTRIES)) {
        let entries = children.iter().zip(offsets).flat_map(|((_, at), name)| words(&[*name, *at, 0, 0, 0]));
        let mut leaf = [b"SNOD\x01\0", &(children.len() as u16).to_le_bytes()[..]].concat();
        leaf.extend(entries);
        leaf.resize(8 + LEAF_ENTRIES * 40, 0);
        tree.extend(words(&[put(file, &leaf), offsets[offsets.len() - 1]]));
    }
    let count = (children.len().div_ceil(LEAF_ENTRIES) as u16).to_le_bytes();
    tree.resize(8 * (2 * TREE_ENTRIES + 1), 0);
    let tree = put(file, &[b"TREE\0\0", &count[..], &words(&[NOWHERE, NOWHERE]), &tree].concat());
    let symbols = (17, words(&[tree, heap]));
    let messages: Vec<_> =
        std::iter::once(symbols).chain(group.attributes.iter().map(|it| (12, attribute(it)))).collect();
    header(file, &messages)
}
