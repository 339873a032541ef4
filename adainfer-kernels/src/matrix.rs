/// A view of a matrix whose rows are contiguous, though not always side by side.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    stride: usize,
    rows: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// Rows side by side.
    ///
    /// # Panics
    /// Where there are fewer values than that.
    pub fn new(values: &'a [f32], [rows, columns]: [usize; 2]) -> Self {
        Self::with_stride(values, columns, [rows, columns])
    }

    /// Each row `stride` values after the one before.
    ///
    /// # Panics
    /// Where the last row ends after the values.
    pub fn with_stride(values: &'a [f32], stride: usize, [rows, columns]: [usize; 2]) -> Self {
        let end = rows.checked_sub(1).map_or(0, |last| last * stride + columns);
        assert!(end <= values.len(), "{rows} rows, {stride} apart, of {columns} in {} values", values.len());
        Self { values, stride, rows, columns }
    }

    /// Its rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Its columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Its first rows.
    ///
    /// # Panics
    /// Where it has not so many.
    #[must_use]
    pub fn first_rows(self, rows: usize) -> Self {
        Self::with_stride(self.values, self.stride, [rows, self.columns])
    }

    /// One row.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.stride..][..self.columns]
    }
}
