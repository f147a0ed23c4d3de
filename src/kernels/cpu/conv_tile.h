#pragma once
#include <cstdint>

// The inner loops of the fast convolutions, one for all three.
namespace gradus::cpu {

/// out[i][j] (+)= sum_t x[row[i] + offset[t]] * panel[t][j], i < rows, t < depth. panel and out have `columns` columns,
/// a multiple of the vector's length and at most panel_columns(). Without `add`, sums start from 0.
struct IndexedProduct {
  const float* x;
  const int64_t* row;
  int64_t rows;
  const int64_t* offset;
  int64_t depth;
  const float* panel;
  int64_t columns;
  float* out;
  bool add;
};
void indexed_product(const IndexedProduct& p);

/// Columns of a full panel.
int64_t panel_columns();
/// The least width a panel for `columns` columns can have.
int64_t panel_width(int64_t columns);

}  // namespace gradus::cpu
