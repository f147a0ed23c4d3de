#include "ops/registry.h"

namespace gradus {

namespace {

constexpr OpInfo kOps[] = {
    // elementwise
    {"neg", "unary", true, true},
    {"abs", "unary", true, true},
    {"sign", "unary", true, true},
    {"exp", "unary", true, true},
    {"log", "unary", true, true},
    {"sqrt", "unary", true, true},
    {"rsqrt", "unary", true, true},
    {"square", "unary", true, true},
    {"reciprocal", "unary", true, true},
    {"sin", "unary", true, true},
    {"cos", "unary", true, true},
    {"tanh", "unary", true, true},
    {"sigmoid", "unary", true, true},
    {"erf", "unary", true, true},
    {"add", "binary", true, true},
    {"sub", "binary", true, true},
    {"mul", "binary", true, true},
    {"div", "binary", true, true},
    {"maximum", "binary", true, true},
    {"minimum", "binary", true, true},
    {"pow", "binary", true, true},
    {"comparisons", "binary", false, false},
    {"where", "where", true, true},
    {"cast", "copy", true, true},
    // reduce
    {"sum", "reduce", true, true},
    {"mean", "reduce", true, true},
    {"max", "reduce", true, true},
    {"min", "reduce", true, true},
    {"argmax", "argmax", false, false},
    // shape
    {"reshape", "copy", true, true},
    {"transpose", "", true, true},
    {"permute", "", true, true},
    {"expand", "", true, true},
    {"narrow", "", true, true},
    {"concat", "copy", true, true},
    {"clone", "copy", true, true},
    // index
    {"embedding", "embedding embedding_backward", true, true},
    {"gather", "gather", true, true},
    {"scatter_add", "scatter_add", true, true},
    // attention
    {"attention", "attention attention_backward", true, true},
    {"attention_qkv", "attention attention_backward", true, true},
    {"rope", "rope", true, true},
    // matmul
    {"matmul", "matmul", true, true},
    {"affine", "matmul", true, true},
    // softmax, norm, activation
    {"softmax", "softmax softmax_backward", true, true},
    {"log_softmax", "softmax softmax_backward", true, true},
    {"layer_norm", "layer_norm layer_norm_backward", true, true},
    {"rms_norm", "rms_norm rms_norm_backward", true, true},
    {"batch_norm", "batch_norm batch_norm_backward", true, true},
    {"group_norm", "group_norm group_norm_backward", true, true},
    {"instance_norm", "group_norm group_norm_backward", true, true},
    {"channel_layer_norm", "layer_norm layer_norm_backward", true, true},
    {"local_response_norm", "", true, true},
    {"weight_norm", "", true, true},
    {"spectral_norm", "matmul", true, true},
    {"relu", "unary unary_backward", true, true},
    {"silu", "unary unary_backward", true, true},
    {"gelu", "unary unary_backward", true, true},
    {"gelu_tanh", "unary unary_backward", true, true},
    {"swiglu", "swiglu swiglu_backward", true, true},
    {"dropout", "dropout", true, true},
    // loss
    {"cross_entropies", "cross_entropy cross_entropy_backward", true, true},
    {"cross_entropy", "cross_entropy cross_entropy_backward", true, true},
    {"linear_cross_entropy", "linear_cross_entropy", true, true},
    // scan and sort
    // convolution
    {"conv", "conv conv_backward_data conv_backward_weights", true, true},
    {"conv_transpose", "conv_backward_data conv conv_backward_weights", true, true},
    // pooling
    {"max_pool", "max_pool max_pool_backward", true, true},
    {"max_unpool", "max_pool_backward", true, true},
    {"avg_pool", "resample", true, true},
    {"lp_pool", "resample", true, true},
    {"adaptive_avg_pool", "resample", true, true},
    {"adaptive_max_pool", "max_pool max_pool_backward", true, true},
    // interpolation and sampling
    {"interpolate", "resample", true, true},
    {"resize_image", "resize_image", false, false},
    {"grid_sample", "grid_sample grid_sample_backward", true, true},
    {"bilinear_gather", "grid_sample grid_sample_backward", true, true},
    {"affine_grid", "", true, true},
    // Fourier transform
    // linear algebra
    {"solve", "lu_factor lu_solve", true, true},
    {"solve_triangular", "triangular_solve", true, true},
    {"inverse", "lu_factor lu_solve", true, true},
    {"det", "lu_factor lu_determinant", true, true},
    {"slogdet", "lu_factor lu_determinant", true, true},
    {"lu_factor", "lu_factor", true, true},
    {"lu", "lu_factor lu_permutation", true, true},
    {"lu_solve", "triangular_solve lu_permutation", true, true},
    {"cholesky", "cholesky", true, true},
    {"qr", "qr", true, true},
    {"eigh", "eigh", true, true},
    {"eigvalsh", "eigh", true, true},
    {"svd", "svd", true, true},
    {"svdvals", "svd", true, true},
    {"pinv", "svd", true, true},
    {"matrix_rank", "svd", false, false},
    {"lstsq", "svd", true, true},
    {"matrix_norm", "svd", true, true},
    {"cond", "svd", true, true},
    {"matrix_exp", "lu_factor lu_solve matmul", true, true},
    {"matrix_power", "matmul", true, true},
    {"dot", "", true, true},
    {"vdot", "", true, true},
    {"vecdot", "", true, true},
    {"outer", "", true, true},
    {"cross", "", true, true},
    {"kron", "", true, true},
    {"multi_dot", "matmul", true, true},
    // einsum
};

}  // namespace

OpList all_ops() { return {kOps, static_cast<int>(sizeof(kOps) / sizeof(kOps[0]))}; }

}  // namespace gradus
