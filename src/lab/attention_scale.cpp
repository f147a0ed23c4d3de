#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "lab/probe.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "ops/statistics.h"

namespace gradus {

std::vector<ScalePoint> probe_attention_scale(const ScaleOptions& o, const std::vector<double>& scales) {
  for (const auto& [name, value] : {std::pair{"head_dim", o.head_dim}, {"keys", o.keys}, {"queries", o.queries}})
    if (value < 1 || value > 65536)
      throw ValueError("attention-scale", fmt::format("{} must lie in [1, 65536], got {}.", name, value));
  if (o.keys * o.queries > int64_t{1} << 24)
    throw ValueError("attention-scale", fmt::format("{} queries by {} keys are too many.", o.queries, o.keys));
  const RandomKey key{o.seed, stream_name("attention-scale")};
  const Tensor q = random_normal({o.queries, o.head_dim}, key.fold(0), 0, 1, Dtype::f64);
  const Tensor k = random_normal({o.keys, o.head_dim}, key.fold(1), 0, 1, Dtype::f64);
  const Tensor products = matmul(q, transpose(k));
  std::vector<ScalePoint> points;
  for (const double scale : scales) {
    if (!(scale >= 0) || !std::isfinite(scale))
      throw ValueError("attention-scale", "a scale must be a number of at least 0.");
    ScalePoint point;
    point.scale = scale;
    const Tensor z = mul(products, scale);
    const Tensor p = softmax(z);
    point.deviation = stddev(z, VarOptions{.correction = 0}).item();
    // H = ln sum exp z - sum p z
    point.entropy = mean(sub(logsumexp(z, {-1}), sum(mul(p, z), {-1}))).item();
    const double keys = std::log(static_cast<double>(o.keys)), spread = scale * scale * static_cast<double>(o.head_dim);
    point.entropy_expected = spread < 2 * keys ? keys - spread / 2 : std::nan("");
    point.largest = mean(max(p, {-1})).item();
    // |diag(p) - p p^T|_F^2 = sum p^2 - 2 sum p^3 + (sum p^2)^2
    const Tensor squares = sum(square(p), {-1}), cubes = sum(mul(square(p), p), {-1});
    const Tensor jacobian = sub(add(squares, square(squares)), mul(cubes, 2));
    point.gradient = mean(sqrt(maximum(jacobian, 0))).item();
    // u^T J times the keys, times the scale: what flows on to a query for a random u
    const Tensor u = random_normal({o.queries, o.keys}, key.fold(2), 0, 1, Dtype::f64);
    const Tensor dz = mul(p, sub(u, sum(mul(u, p), {-1}, keep_axis)));
    point.gradient_to_query = std::sqrt(mean(square(mul(matmul(dz, k), scale))).item());
    points.push_back(point);
  }
  return points;
}

Figure figure_of_scales(const ScaleOptions& o, const std::vector<ScalePoint>& points) {
  const double root = std::sqrt(static_cast<double>(o.head_dim));
  Panel entropy, gradient;
  const auto curve = [&](const char* label, size_t color, double ScalePoint::*value, bool dashed) {
    Series s{.label = label, .color = series_color(color)};
    if (dashed) s.dash = {5, 4};
    s.markers = !dashed;
    for (const ScalePoint& p : points)
      if (p.scale > 0) s.x.push_back(p.scale * root), s.y.push_back(p.*value);
    return s;
  };
  entropy.series = {curve("entropy", 0, &ScalePoint::entropy, false),
                    curve("ln n - deviation²/2", 0, &ScalePoint::entropy_expected, true)};
  entropy.y = {"entropy (nats)", false, 0.0};
  gradient.series = {curve("|d softmax / d logits|", 1, &ScalePoint::gradient, false),
                     curve("gradient at a query", 2, &ScalePoint::gradient_to_query, false)};
  gradient.y = {"gradient", false, 0.0};
  entropy.x = gradient.x = {"scale times the root of the head's size: the deviation of the logits", true};
  return {"Why attention is divided by the root of d",
          fmt::format("{} keys, heads of {}; at 1 the scale is 1/sqrt(d)", o.keys, o.head_dim),
          {entropy, gradient}};
}

}  // namespace gradus
