//! Runs the network over one line of text: a convolution, and layers that remember, down, forth and back. Numbers in,
//! numbers out; what is a line and what the numbers spell is said elsewhere.

use std::iter;

use super::model::{Gates, Layers, Matrix};

/// Rows of pixels that a line has for the network.
pub(crate) const HEIGHT: usize = 36;
/// Pixels to each side that one step of the output stands for.
pub(crate) const STEP: usize = 3;
/// What a layer may remember at most.
const MEMORY_MAX: f32 = 100.0;

/// How likely each sign is at each step of a line, step by step. A line has [`HEIGHT`] rows of `width` pixels, row by row,
/// from -1 for ink to 1 for paper.
pub(crate) fn run(layers: &Layers, pixels: &[f32], width: usize) -> Vec<Vec<f32>> {
    let mut steps: Vec<Vec<f32>> = (0..width / STEP).map(|step| column(layers, pixels, width, step)).collect();
    steps = remember(&layers.forward, &steps);
    steps.reverse();
    steps = remember(&layers.backward, &steps);
    steps.reverse();
    steps = remember(&layers.last, &steps);
    steps.iter().map(|step| likely(layers.output.times(step))).collect()
}

/// What one step sees: three columns of pixels, looked at in squares and summed up from top to bottom.
fn column(layers: &Layers, pixels: &[f32], width: usize, step: usize) -> Vec<f32> {
    let squares: Vec<Vec<f32>> = (0..HEIGHT / STEP)
        .map(|row| {
            let places = (0..STEP * STEP).map(|index| (step * STEP + index % STEP, row * STEP + index / STEP));
            let seen = places.map(|(x, y)| layers.convolution.times(&around(pixels, width, x, y)));
            let most = seen.reduce(|most, next| iter::zip(most, next).map(|(a, b)| a.max(b)).collect());
            most.unwrap_or_default().into_iter().map(f32::tanh).collect()
        })
        .collect();
    remember(&layers.columns, &squares).pop().unwrap_or_default()
}

/// The nine pixels around a place, column by column. Beyond the edge is paper.
fn around(pixels: &[f32], width: usize, x: usize, y: usize) -> [f32; 9] {
    let mut nine = [1.0; 9];
    for (index, pixel) in nine.iter_mut().enumerate() {
        let (x, y) = ((x + index / 3).wrapping_sub(1), (y + index % 3).wrapping_sub(1));
        if x < width && y < HEIGHT {
            *pixel = pixels.get(y * width + x).copied().unwrap_or(1.0);
        }
    }
    nine
}

/// A layer with long and short memory, over all steps in their order.
fn remember(gates: &Gates, steps: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let [value, take, keep, give] = gates;
    let size = value.rows();
    let mut memory = vec![0.0f32; size];
    let mut said = vec![0.0f32; size];
    let mut all = Vec::with_capacity(steps.len());
    for step in steps {
        let seen = [step.as_slice(), &said].concat();
        let [value, take, keep, give] = [value, take, keep, give].map(|gate| gate.times(&seen));
        for index in 0..size {
            let kept = memory[index] * open(keep[index]) + value[index].tanh() * open(take[index]);
            memory[index] = kept.clamp(-MEMORY_MAX, MEMORY_MAX);
            said[index] = memory[index].tanh() * open(give[index]);
        }
        all.push(said.clone());
    }
    all
}

/// How far a gate is open, from zero to one.
fn open(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// Turns outputs into likelihoods that add up to one.
fn likely(mut outputs: Vec<f32>) -> Vec<f32> {
    let most = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    outputs.iter_mut().for_each(|output| *output = (*output - most).exp());
    let sum: f32 = outputs.iter().sum();
    outputs.iter_mut().for_each(|output| *output /= sum);
    outputs
}

impl Matrix {
    fn rows(&self) -> usize {
        self.weights.len() / (self.inputs + 1)
    }

    /// The product with a vector, and the bias.
    fn times(&self, vector: &[f32]) -> Vec<f32> {
        /// Sums that are kept apart, so that none waits for another.
        const LANES: usize = 8;
        let row = |row: &[f32]| {
            let (weights, bias) = row.split_at(self.inputs);
            let (weights, rest) = weights.as_chunks::<LANES>();
            let (values, rest_values) = vector.as_chunks::<LANES>();
            let mut sums = [0.0f32; LANES];
            for (weights, values) in iter::zip(weights, values) {
                for lane in 0..LANES {
                    sums[lane] += weights[lane] * values[lane];
                }
            }
            let rest: f32 = iter::zip(rest, rest_values).map(|(weight, value)| weight * value).sum();
            sums.iter().sum::<f32>() + rest + bias.first().copied().unwrap_or_default()
        };
        self.weights.chunks_exact(self.inputs + 1).map(row).collect()
    }
}
