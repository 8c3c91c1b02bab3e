//! Every shader, once: its text, and how many invocations share a workgroup.

/// How maps are stored, and whether quads share their weights. Every variant gives the same answers, as far as 16 bits
/// can hold them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Maps and weights have 16 bits; sums keep 32.
    pub f16: bool,
    /// The invocations of a quad share what they load.
    pub quads: bool,
}

/// One compute shader.
#[derive(Debug, PartialEq, Eq)]
pub struct Shader {
    /// The file's stem in `shaders/`.
    pub stem: &'static str,
    /// Its text, without what [`Shader::source`] puts in front.
    text: &'static str,
    /// Which bindings it has.
    pub bindings: Bindings,
    /// Whether its invocations can share weights by quads.
    shares: bool,
    /// Invocations of a workgroup.
    pub width: u32,
}

/// The two sets of bindings that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bindings {
    /// Step, parameters, arena, results: `lib/maps.wgsl`.
    Maps,
    /// Frame, taps, picture, rows, arena: `lib/frame.wgsl`.
    Frame,
}

/// Declares one `Shader` a row.
macro_rules! shaders {
    ($($name:ident $stem:literal $bindings:ident, shares $shares:literal, width $width:literal;)*) => {
        $(pub(super) static $name: Shader = Shader {
            stem: $stem,
            text: include_str!(concat!("../../../shaders/", $stem, ".wgsl")),
            bindings: Bindings::$bindings,
            shares: $shares,
            width: $width,
        };)*

        /// The one list of shaders.
        pub static SHADERS: &[&Shader] = &[$(&$name),*];
    };
}

shaders! {
    FRAME_ROWS "frame_rows" Frame, shares false, width 64;
    FRAME_COLUMNS "frame_columns" Frame, shares false, width 64;
    STEM "stem" Maps, shares false, width 64;
    DEPTHWISE "depthwise" Maps, shares false, width 64;
    POINTWISE "pointwise" Maps, shares true, width 64;
    INVERTED_RESIDUAL "inverted_residual" Maps, shares true, width 64;
    EXPAND_DEPTHWISE "expand_depthwise" Maps, shares true, width 64;
    SQUEEZE_EXCITE "squeeze_excite" Maps, shares false, width 64;
    ADD "add" Maps, shares false, width 64;
    GLOBAL_POOL "global_pool" Maps, shares false, width 64;
    SCALE "scale" Maps, shares false, width 64;
    PAD "pad" Maps, shares false, width 64;
    DENSE "dense" Maps, shares false, width 64;
    SIGMOID "sigmoid" Maps, shares false, width 64;
    SOFTMAX "softmax" Maps, shares false, width 64;
    TOP_K "top_k" Maps, shares false, width 64;
}

impl Shader {
    /// The whole module: directives, then what the shader shares with others, then its own text.
    #[must_use]
    pub fn source(&self, variant: Variant) -> String {
        let quads = variant.quads && self.shares;
        [
            if variant.f16 { "enable f16;\n" } else { "" },
            // Browsers insist on this directive, and naga does not know it yet (wgpu#5555).
            if quads && cfg!(target_arch = "wasm32") { "enable subgroups;\n" } else { "" },
            if variant.f16 {
                include_str!("../../../shaders/lib/f16.wgsl")
            } else {
                include_str!("../../../shaders/lib/f32.wgsl")
            },
            match self.bindings {
                Bindings::Maps => include_str!("../../../shaders/lib/maps.wgsl"),
                Bindings::Frame => include_str!("../../../shaders/lib/frame.wgsl"),
            },
            match (self.bindings, quads) {
                (Bindings::Frame, _) => "",
                (Bindings::Maps, true) => include_str!("../../../shaders/lib/quads.wgsl"),
                (Bindings::Maps, false) => include_str!("../../../shaders/lib/each.wgsl"),
            },
            self.text,
        ]
        .concat()
    }
}
