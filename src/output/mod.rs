//! Logits → labels.
