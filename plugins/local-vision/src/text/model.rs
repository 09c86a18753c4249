//! Reads the weights of the network from the file that comes with this crate. The file is ours and is checked whole by a
//! test; still, one that is cut short gives no network, and never a panic.
//!
//! The format is that of Tesseract 4: layers one after the other, each with a header, weights as signed bytes with a scale
//! for each row.

/// Rows of weights, each with that of the bias last.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) inputs: usize,
    pub(crate) weights: Vec<f32>,
}

/// The four gates of a layer that remembers: what comes in, how much of it, how much stays, how much goes out.
pub(crate) type Gates = [Matrix; 4];

/// The layers in the order in which a line passes them.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) convolution: Matrix,
    /// Down each column.
    pub(crate) columns: Gates,
    pub(crate) forward: Gates,
    pub(crate) backward: Gates,
    pub(crate) last: Gates,
    pub(crate) output: Matrix,
}

/// The layers of a file; none where it is not as it should be.
pub(crate) fn parse(bytes: &[u8]) -> Option<Layers> {
    let mut reader = Reader { bytes };
    reader.parts("Series")?;
    reader.header("Input")?;
    reader.skip(20)?;
    reader.parts("Series")?;
    reader.header("Convolve")?;
    reader.skip(8)?;
    reader.header("Tanh")?;
    let convolution = reader.matrix()?;
    reader.rates()?;
    reader.header("Maxpool")?;
    reader.skip(8)?;
    reader.parts("XYTranspose")?;
    let columns = reader.gates("SummLSTM")?;
    reader.rates()?;
    let forward = reader.gates("LSTM")?;
    reader.parts("RTLReversed")?;
    let backward = reader.gates("LSTM")?;
    reader.rates()?;
    let last = reader.gates("LSTM")?;
    reader.header("Softmax")?;
    let output = reader.matrix()?;
    reader.rates()?;
    Some(Layers { convolution, columns, forward, backward, last, output })
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(|_| ())
    }

    fn count(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    }

    /// A layer's header, which begins with the name of its kind: state of training, flags, sizes, and its own name.
    fn header(&mut self, kind: &str) -> Option<()> {
        self.skip(1)?;
        let length = self.count()?;
        if self.take(length)? != kind.as_bytes() {
            return None;
        }
        self.skip(2 + 4 * 4)?;
        let length = self.count()?;
        self.skip(length)
    }

    /// The header of a layer that holds others; behind them come their [`Reader::rates`].
    fn parts(&mut self, kind: &str) -> Option<()> {
        self.header(kind)?;
        self.skip(4)
    }

    /// Rates of learning, which nothing is done with here.
    fn rates(&mut self) -> Option<()> {
        let length = self.count()?.checked_mul(4)?;
        self.skip(length)
    }

    fn gates(&mut self, kind: &str) -> Option<Gates> {
        self.header(kind)?;
        self.skip(4)?;
        Some([self.matrix()?, self.matrix()?, self.matrix()?, self.matrix()?])
    }

    fn matrix(&mut self) -> Option<Matrix> {
        // The way of training, and after the two sizes a value that stands for nothing.
        self.skip(1)?;
        let (rows, columns) = (self.count()?, self.count()?);
        self.skip(1)?;
        let bytes = self.take(rows.checked_mul(columns)?)?;
        if self.count()? != rows {
            return None;
        }
        let scales = self.take(rows.checked_mul(8)?)?;
        let mut weights = Vec::with_capacity(bytes.len());
        for (row, scale) in bytes.chunks_exact(columns.max(1)).zip(scales.chunks_exact(8)) {
            let scale = f64::from_le_bytes(scale.try_into().ok()?) as f32;
            weights.extend(row.iter().map(|weight| f32::from(weight.cast_signed()) * scale));
        }
        Some(Matrix { inputs: columns.checked_sub(1)?, weights })
    }
}
