// Maps and weights in 16 bits, half the bytes to move; sums are still 32 bits wide.
alias Stored = vec4<f16>;
