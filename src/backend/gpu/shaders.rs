//! Every shader, once: its text, and how many invocations share a workgroup.

/// What a device is good at. Every variant gives the same answers, as far as 16 bits can hold them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Maps and weights have 16 bits; sums keep 32.
    pub f16: bool,
    /// The invocations of a quad share what they load.
    pub quads: bool,
    /// The device is a CPU: its barriers cost more than a dispatch, so that nothing is fused through workgroup memory, and
    /// pipelines cost more than either, so that few shaders do all the work and no frame is read by one.
    pub software: bool,
}

/// One compute shader.
#[derive(Debug)]
pub struct Shader {
    /// The file's stem in `shaders/`.
    pub stem: &'static str,
    /// Its text, without what [`Shader::source`] puts in front.
    text: &'static str,
    /// Which bindings it has.
    pub bindings: Bindings,
    /// Whether its invocations can share weights by quads.
    shares: bool,
    /// Whether a workgroup's invocations work on one result, of whatever number they are.
    reduces: bool,
    /// Override constants beside `WIDTH`.
    pub(super) constants: &'static [(&'static str, f64)],
}

/// Invocations of a workgroup: whole subgroups of every GPU, and a multiple of what 8 × 8 tiles need …
pub const WIDTH: u32 = 64;
/// … or, of a reduction on a CPU, one vector register: SwiftShader switches stacks at barriers, once for every four
/// invocations. Measured on it: 1,280 means in 1.3 ms instead of 15, 1,000 dense outputs in 4.8 instead of 12.
const SOFTWARE_WIDTH: u32 = 4;

/// The two sets of bindings that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bindings {
    /// Step, parameters, arena, results: `lib/maps.wgsl`.
    Maps,
    /// Frame, taps, picture, rows, arena: `lib/frame.wgsl`.
    Frame,
}

/// The text of a file of `shaders/`, as `build.rs` has stripped it, behind the parameter blocks that it names.
macro_rules! text {
    ($path:expr) => {
        include_str!(concat!(env!("OUT_DIR"), "/shaders/", $path, ".wgsl"))
    };
}

/// Declares one `Shader` a row.
macro_rules! shaders {
    ($($name:ident $stem:literal $bindings:ident, shares $shares:literal, reduces $reduces:literal $(, $constant:literal $value:literal)*;)*) => {
        $(pub(super) static $name: Shader = Shader {
            stem: $stem,
            text: text!($stem),
            bindings: Bindings::$bindings,
            shares: $shares,
            reduces: $reduces,
            constants: &[$(($constant, $value)),*],
        };)*

        /// The one list of shaders.
        pub static SHADERS: &[&Shader] = &[$(&$name),*];
    };
}

shaders! {
    FRAME_ROWS "frame_rows" Frame, shares false, reduces false;
    FRAME_COLUMNS "frame_columns" Frame, shares false, reduces false;
    STEM "stem" Maps, shares true, reduces false;
    DEPTHWISE "depthwise" Maps, shares false, reduces false;
    DEPTHWISE_3X3 "depthwise" Maps, shares false, reduces false, "STRIDE" 1.0;
    DEPTHWISE_3X3_STRIDE_2 "depthwise" Maps, shares false, reduces false, "STRIDE" 2.0;
    POINTWISE "pointwise" Maps, shares true, reduces false;
    POINTWISE_RESIDUAL "pointwise" Maps, shares true, reduces false, "RESIDUAL" 1.0;
    GATED_POINTWISE "pointwise" Maps, shares true, reduces false, "GATED" 1.0;
    INVERTED_RESIDUAL "inverted_residual" Maps, shares true, reduces false;
    EXPAND_DEPTHWISE "expand_depthwise" Maps, shares true, reduces false;
    SQUEEZE_EXCITE "squeeze_excite" Maps, shares false, reduces true;
    ADD "add" Maps, shares false, reduces false;
    GLOBAL_POOL "global_pool" Maps, shares false, reduces true;
    SCALE "scale" Maps, shares false, reduces false;
    PAD "pad" Maps, shares false, reduces false;
    DENSE "dense" Maps, shares false, reduces true;
    SIGMOID "sigmoid" Maps, shares false, reduces false;
    SOFTMAX "softmax" Maps, shares false, reduces true;
    SUM "sum" Maps, shares false, reduces false;
    TOP_K "top_k" Maps, shares false, reduces true;
}

/// Its file's stem, then the constants that are set.
impl std::fmt::Display for Shader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.stem)?;
        self.constants.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl Shader {
    /// Invocations of a workgroup.
    #[must_use]
    pub const fn width(&self, variant: Variant) -> u32 {
        if self.reduces && variant.software { SOFTWARE_WIDTH } else { WIDTH }
    }

    /// The whole module: directives, then what the shader shares with others, then its own text.
    #[must_use]
    pub fn source(&self, variant: Variant) -> String {
        let quads = variant.quads && self.shares;
        let shared: &[&str] = match self.bindings {
            Bindings::Maps => &[text!("lib/maps"), if quads { text!("lib/quads") } else { text!("lib/each") }],
            Bindings::Frame => &[text!("lib/frame")],
        };
        [
            if variant.f16 { "enable f16;\n" } else { "" },
            // Browsers insist on this directive, and naga does not know it yet (wgpu#5555).
            if quads && cfg!(target_arch = "wasm32") { "enable subgroups;\n" } else { "" },
            if variant.f16 { text!("lib/f16") } else { text!("lib/f32") },
            &shared.concat(),
            self.text,
        ]
        .concat()
    }
}
