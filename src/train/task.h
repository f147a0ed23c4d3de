#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/json.h"
#include "io/metrics.h"
#include "nn/context.h"
#include "nn/parameters.h"

namespace gradus {

/// A way of learning, as the training loop sees it: where batches come from and what their loss is.
class TrainTask {
 public:
  /// What one forward and backward pass works on; tasks derive their own.
  struct Batch {
    virtual ~Batch() = default;
    int64_t targets = 0;  ///< terms of the loss
    int64_t tokens = 0;   ///< of the input
  };

  virtual ~TrainTask() = default;
  virtual Parameters& parameters() = 0;

  /// The next `rows` rows; moves the cursor.
  virtual std::unique_ptr<Batch> next(int64_t rows) = 0;
  /// The sum of the losses of all targets divided by `normaliser`: one number that backward() can start from.
  virtual Tensor loss(const Batch& batch, double normaliser, const Context& context) = 0;

  /// Epochs done, with a fraction.
  virtual double epoch() const = 0;
  /// Steps of `rows` rows that it takes to be done with so many epochs, from the beginning.
  virtual int64_t steps_for(double epochs, int64_t rows) const = 0;
  /// Where the next batch is. A task with an equal cursor goes on with equal batches.
  virtual Json cursor() const = 0;
  /// Throws ValueError for a cursor over other data.
  virtual void set_cursor(const Json& cursor) = 0;

  /// Whether evaluate() has something to evaluate.
  virtual bool held_out() const { return false; }
  /// Results on held-out data: eval_loss and more. Empty when nothing is held out.
  virtual MetricsRow evaluate(int64_t rows) = 0;
  /// Writes the model so that others can use it.
  virtual void save(const std::filesystem::path& folder) const = 0;
};

}  // namespace gradus
