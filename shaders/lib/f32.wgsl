// Maps and weights in 32 bits.
alias Stored = vec4<f32>;
