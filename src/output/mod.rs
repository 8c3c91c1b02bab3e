//! Probabilities → labels.

use crate::small::sort_first;

/// Which labels a caller wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// At most that many.
    pub top_k: usize,
    /// None below this probability.
    pub threshold: f32,
    /// Only these classes, by index; empty means all.
    pub allow: Vec<usize>,
    /// None of these classes, by index.
    pub deny: Vec<usize>,
}

impl Default for Query {
    fn default() -> Self {
        Self { top_k: 5, threshold: 0.0, allow: Vec::new(), deny: Vec::new() }
    }
}

/// One class and how likely it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    /// The class, from 0.
    pub index: usize,
    /// From 0 to 1.
    pub probability: f32,
}

/// The most likely classes, most likely first; equal ones in the order of their indices.
#[must_use]
pub fn top_k(probabilities: &[f32], query: &Query) -> Vec<Label> {
    let mut labels: Vec<Label> = probabilities
        .iter()
        .enumerate()
        .map(|(index, &probability)| Label { index, probability })
        .filter(|label| label.probability >= query.threshold)
        .filter(|label| query.allow.is_empty() || query.allow.contains(&label.index))
        .filter(|label| !query.deny.contains(&label.index))
        .collect();
    sort_first(&mut labels, query.top_k, &|a, b| (b.probability, a.index) < (a.probability, b.index));
    labels.truncate(query.top_k);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_choose_among_the_classes() {
        let probabilities = [0.1, 0.4, 0.1, 0.4];
        let indices = |query: Query| -> Vec<usize> {
            top_k(&probabilities, &query).into_iter().map(|label| label.index).collect()
        };
        assert_eq!(indices(Query::default()), [1, 3, 0, 2], "ties by index, fewer classes than asked");
        assert_eq!(indices(Query { top_k: 2, ..Query::default() }), [1, 3]);
        assert_eq!(indices(Query { threshold: 0.2, ..Query::default() }), [1, 3]);
        assert_eq!(indices(Query { allow: vec![2, 0], ..Query::default() }), [0, 2]);
        assert_eq!(indices(Query { deny: vec![1], ..Query::default() }), [3, 0, 2]);
        assert_eq!(indices(Query { allow: vec![1], deny: vec![1], ..Query::default() }), Vec::<usize>::new());
        assert_eq!(indices(Query { top_k: 0, ..Query::default() }), Vec::<usize>::new());
    }
}
