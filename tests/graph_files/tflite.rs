//! TensorFlow Lite files written on the spot: FlatBuffers of tables, vectors and numbers.
#![allow(dead_code, reason = "each test binary uses another part")]

/// A value of a FlatBuffer.
#[derive(Clone)]
pub enum Fb {
    /// A field that is left out.
    None,
    Byte(u8),
    Word([u8; 4]),
    /// Fields by number.
    Table(Vec<Fb>),
    /// Tables or texts.
    List(Vec<Fb>),
    /// Elements as bytes, and how many they are.
    Raw(Vec<u8>, usize),
}

pub fn int(value: i32) -> Fb {
    Fb::Word(value.to_le_bytes())
}

pub fn text(value: &str) -> Fb {
    Fb::Raw(value.as_bytes().to_vec(), value.len())
}

pub fn ints(values: &[i32]) -> Fb {
    Fb::Raw(values.iter().flat_map(|value| value.to_le_bytes()).collect(), values.len())
}

pub fn floats(values: &[f32]) -> Fb {
    Fb::Raw(values.iter().flat_map(|value| value.to_le_bytes()).collect(), values.len())
}

pub fn longs(values: &[i64]) -> Fb {
    Fb::Raw(values.iter().flat_map(|value| value.to_le_bytes()).collect(), values.len())
}

/// Appends a value behind what is written, and says where it begins.
fn put(file: &mut Vec<u8>, value: &Fb) -> usize {
    file.resize(file.len().next_multiple_of(4), 0);
    let point = |file: &mut Vec<u8>, at: usize, to: usize| {
        file[at..at + 4].copy_from_slice(&((to - at) as u32).to_le_bytes());
    };
    match value {
        Fb::Table(fields) => {
            let list = file.len();
            let list_bytes = 4 + 2 * fields.len();
            let table = (list + list_bytes).next_multiple_of(4);
            file.resize(table + 4 + 4 * fields.len(), 0);
            let table_bytes = 4 + 4 * fields.len();
            file[list..list + 2].copy_from_slice(&(list_bytes as u16).to_le_bytes());
            file[list + 2..list + 4].copy_from_slice(&(table_bytes as u16).to_le_bytes());
            file[table..table + 4].copy_from_slice(&((table - list) as i32).to_le_bytes());
            for (index, field) in fields.iter().enumerate() {
                let (offset, entry) = (4 + 4 * index, list + 4 + 2 * index);
                if !matches!(field, Fb::None) {
                    file[entry..entry + 2].copy_from_slice(&(offset as u16).to_le_bytes());
                }
                match field {
                    Fb::None => {}
                    Fb::Byte(byte) => file[table + offset] = *byte,
                    Fb::Word(word) => file[table + offset..table + offset + 4].copy_from_slice(word),
                    other => {
                        let to = put(file, other);
                        point(file, table + offset, to);
                    }
                }
            }
            table
        }
        Fb::List(items) => {
            let at = file.len();
            file.extend((items.len() as u32).to_le_bytes());
            file.resize(at + 4 + 4 * items.len(), 0);
            for (index, item) in items.iter().enumerate() {
                let to = put(file, item);
                point(file, at + 4 + 4 * index, to);
            }
            at
        }
        Fb::Raw(bytes, count) => {
            let at = file.len();
            file.extend((*count as u32).to_le_bytes());
            file.extend(bytes);
            file.push(0);
            at
        }
        Fb::None | Fb::Byte(_) | Fb::Word(_) => panic!("only inside a table"),
    }
}

pub fn file(root: &Fb, mark: &[u8; 4]) -> Vec<u8> {
    let mut file = vec![0; 4];
    file.extend(mark);
    let at = put(&mut file, root);
    file[..4].copy_from_slice(&(at as u32).to_le_bytes());
    file
}

/// A model while it is written.
#[derive(Default)]
pub struct Model {
    pub tensors: Vec<Fb>,
    pub buffers: Vec<Fb>,
    pub operators: Vec<Fb>,
    pub codes: Vec<i32>,
    pub metadata: Vec<Fb>,
    pub outputs: Vec<i32>,
}

impl Model {
    pub fn new() -> Self {
        // Buffer 0 is always empty.
        Self { buffers: vec![Fb::Table(vec![])], ..Self::default() }
    }

    /// A tensor of that type; a constant where there are bytes.
    pub fn tensor(&mut self, shape: &[i32], kind: u8, data: Option<Fb>, quantization: Fb) -> i32 {
        let mut buffer = 0;
        if let Some(data) = data {
            self.buffers.push(Fb::Table(vec![data]));
            buffer = self.buffers.len() as i32 - 1;
        }
        let name = text(&format!("t{}", self.tensors.len()));
        self.tensors.push(Fb::Table(vec![ints(shape), Fb::Byte(kind), int(buffer), name, quantization]));
        self.tensors.len() as i32 - 1
    }

    pub fn map(&mut self, shape: &[i32]) -> i32 {
        self.tensor(shape, 0, None, Fb::None)
    }

    pub fn weights(&mut self, shape: &[i32]) -> i32 {
        let count = shape.iter().product::<i32>();
        let values: Vec<f32> = (0..count).map(|index| (index % 17) as f32 / 16.0 - 0.5).collect();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let length = bytes.len();
        self.tensor(shape, 0, Some(Fb::Raw(bytes, length)), Fb::None)
    }

    pub fn operator(&mut self, code: i32, inputs: &[i32], output: i32, options: Fb) {
        let index = self.codes.iter().position(|&known| known == code).unwrap_or_else(|| {
            self.codes.push(code);
            self.codes.len() - 1
        });
        let operator = vec![int(index as i32), ints(inputs), ints(&[output]), Fb::None, options];
        self.operators.push(Fb::Table(operator));
    }

    /// A convolution, SAME, with ReLU6 where `bounded`; weights as the format has them.
    pub fn convolution(&mut self, from: i32, weights: [i32; 4], out: [i32; 4], stride: i32, bounded: bool) -> i32 {
        let depthwise = weights[0] == 1;
        let kernel = self.weights(&weights);
        let biases = self.weights(&[out[3]]);
        let map = self.map(&out);
        let mut options = vec![Fb::Byte(0), int(stride), int(stride)];
        options.extend(depthwise.then_some(int(1)));
        options.push(Fb::Byte(if bounded { 3 } else { 0 }));
        self.operator(if depthwise { 4 } else { 3 }, &[from, kernel, biases], map, Fb::Table(options));
        map
    }

    pub fn root(&self) -> Fb {
        let graph = Fb::Table(vec![
            Fb::List(self.tensors.clone()),
            ints(&[0]),
            ints(&self.outputs),
            Fb::List(self.operators.clone()),
        ]);
        let code = |&code: &i32| Fb::Table(vec![Fb::Byte(code.min(127) as u8), Fb::None, int(1), int(code)]);
        Fb::Table(vec![
            int(3),
            Fb::List(self.codes.iter().map(code).collect()),
            Fb::List(vec![graph]),
            text("written by a test"),
            Fb::List(self.buffers.clone()),
            Fb::None,
            Fb::List(self.metadata.clone()),
        ])
    }

    pub fn file(&self) -> Vec<u8> {
        file(&self.root(), b"TFL3")
    }
}

/// A small network of its own table: pixels scaled, a stem, a separable row, a residual, a classifier of five.
pub fn small() -> Model {
    small_of(8)
}

/// The same of so many channels, four times as many in the middle of the residual.
pub fn small_of(few: i32) -> Model {
    let many = 4 * few;
    let mut model = Model::new();
    let input = model.map(&[1, 64, 64, 3]);
    let factor = model.tensor(&[], 0, Some(Fb::Raw((1_f32 / 127.5).to_le_bytes().to_vec(), 4)), Fb::None);
    let offset = model.tensor(&[], 0, Some(Fb::Raw((-1_f32).to_le_bytes().to_vec(), 4)), Fb::None);
    let (scaled, shifted) = (model.map(&[1, 64, 64, 3]), model.map(&[1, 64, 64, 3]));
    model.operator(18, &[input, factor], scaled, Fb::None);
    model.operator(0, &[scaled, offset], shifted, Fb::None);
    let map = model.convolution(shifted, [few, 3, 3, 3], [1, 32, 32, few], 2, true);
    let map = model.convolution(map, [1, 3, 3, few], [1, 32, 32, few], 1, true);
    let block = model.convolution(map, [few, 1, 1, few], [1, 32, 32, few], 1, true);
    let map = model.convolution(block, [many, 1, 1, few], [1, 32, 32, many], 1, true);
    let map = model.convolution(map, [1, 3, 3, many], [1, 32, 32, many], 1, true);
    let map = model.convolution(map, [few, 1, 1, many], [1, 32, 32, few], 1, false);
    let sum = model.map(&[1, 32, 32, few]);
    model.operator(0, &[block, map], sum, Fb::None);
    let axes = model.tensor(&[2], 2, Some(Fb::Raw([1, 0, 0, 0, 2, 0, 0, 0].to_vec(), 8)), Fb::None);
    let pool = model.map(&[1, few]);
    model.operator(40, &[sum, axes], pool, Fb::None);
    let matrix = model.weights(&[5, few]);
    let logits = model.map(&[1, 5]);
    model.operator(9, &[pool, matrix, -1], logits, Fb::None);
    let output = model.map(&[1, 5]);
    model.operator(25, &[logits], output, Fb::None);
    model.outputs = vec![output];
    model
}

/// Metadata that says that class names are in this file of the archive behind the model.
pub fn labels_in(entry: &str) -> Vec<u8> {
    let labels = Fb::Table(vec![text(entry), Fb::None, Fb::Byte(2)]);
    let output = Fb::Table([vec![Fb::None; 6], vec![Fb::List(vec![labels])]].concat());
    let graph = Fb::Table(vec![Fb::None, Fb::None, Fb::None, Fb::List(vec![output])]);
    file(&Fb::Table(vec![Fb::None, Fb::None, Fb::None, Fb::List(vec![graph])]), b"M001")
}

/// The model with that metadata, and the zip archive behind it.
pub fn described(mut model: Model, metadata: Vec<u8>, archive: &[u8]) -> Vec<u8> {
    let length = metadata.len();
    model.buffers.push(Fb::Table(vec![Fb::Raw(metadata, length)]));
    let buffer = int(model.buffers.len() as i32 - 1);
    model.metadata = vec![Fb::Table(vec![text("TFLITE_METADATA"), buffer])];
    let mut file = model.file();
    let before = file.len();
    file.extend(archive);
    // Offsets of an appended archive count from the file's beginning.
    for at in before..file.len().saturating_sub(4) {
        let place = match &file[at..at + 4] {
            b"PK\x01\x02" => at + 42,
            b"PK\x05\x06" => at + 16,
            _ => continue,
        };
        if let Some(old) = file.get(place..).and_then(<[u8]>::first_chunk) {
            let new = u32::from_le_bytes(*old).wrapping_add(before as u32);
            file[place..place + 4].copy_from_slice(&new.to_le_bytes());
        }
    }
    file
}
