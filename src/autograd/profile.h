#pragma once
#include <cstdint>
#include <vector>

#include "autograd/observer.h"
#include "kernels/observer.h"

namespace gradus {

enum class Phase : uint8_t { forward, backward, optimizer };
const char* name_of(Phase phase);
/// The scope whose kernels count as the optimiser's.
constexpr const char* kOptimizerScope = "optimizer";

/// One call of a kernel, with the op it was made for. All strings live for ever.
struct ProfileEvent {
  const char* op;      ///< the op, or the kernel itself where none claimed it ("fill", "gt")
  const char* kernel;  ///< slot of the table, or the function where a slot computes several
  const char* slot;    ///< slot of the table
  const char* scope;   ///< module path; "" outside of every module
  Phase phase;
  double begin, seconds;    ///< begin: since the profile began
  double flops;             ///< of matrix products
  int64_t bytes;            ///< of all operands: read and written
  int64_t allocated, live;  ///< tensors' bytes: allocated since the event before; in use when it ended
};

/// Notes every kernel that CPU ops of this thread call while one lives: when, for which op and module, and what memory
/// it found. Ops that compute nothing (views) do not appear.
class OpProfile final : private OpObserver, private KernelObserver {
 public:
  OpProfile();
  ~OpProfile() override;
  OpProfile(const OpProfile&) = delete;
  OpProfile& operator=(const OpProfile&) = delete;

  const std::vector<ProfileEvent>& events() const { return events_; }
  /// Since it began.
  double seconds() const;
  /// Ends it; the events stay.
  void stop();

 private:
  void computed(const char* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) override;
  void backward_began() override;
  void backward_ended() override;
  void entered(const Node&) override;
  void left(const Node&) override;
  void begin(const KernelCall& call) override;
  void end(const KernelCall& call) override;

  struct Operand {
    size_t event;
    const void* data;
  };
  std::vector<ProfileEvent> events_;
  std::vector<const char*> rules_;  // ops whose gradient rules run, the innermost last
  std::vector<Operand> pending_;    // operands of forward kernels that no op has claimed yet
  int64_t began_ns_, allocated_before_;
  bool in_rule() const;

  std::vector<bool> walks_;  // backward walks under way: whether they are recorded themselves
  bool running_ = true;
  ObserveOps ops_;
  ObserveKernels kernels_;
};

/// Events added up by what they share.
struct ProfileRow {
  const char *op, *scope;
  Phase phase;
  int64_t calls = 0, bytes = 0, allocated = 0;
  double seconds = 0, flops = 0;
};
enum class ProfileBy : uint8_t { op, kernel, module };
/// By op or kernel (each phase apart), or by module; the most expensive first. What is not the key is "".
std::vector<ProfileRow> profile_rows(const std::vector<ProfileEvent>& events, ProfileBy by);

}  // namespace gradus
