#pragma once

// How the byte-level tokenizers of the GGUF world cut text ("tokenizer.ggml.pre"), as sections of a tokenizer.json.
namespace gradus {

struct GgufPreTokenizer {
  const char* pre;
  const char* json;
  bool ignore_merges;
};

#define GRADUS_SPLIT(regex)                                                                   \
  R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":")" regex         \
  R"("},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,)" \
  R"("trim_offsets":true,"use_regex":false}]})"

inline constexpr char kBytes[] =
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
inline constexpr char kDigitsThenBytes[] =
    R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},)"
    R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]})";
inline constexpr char kLlama3[] = GRADUS_SPLIT(
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)");
inline constexpr char kQwen2[] = GRADUS_SPLIT(
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)");
inline constexpr char kTekken[] = GRADUS_SPLIT(
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)");
inline constexpr char kGpt4o[] = GRADUS_SPLIT(
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)");
#undef GRADUS_SPLIT

// The first name of a way of cutting is the one that files are written with.
inline constexpr GgufPreTokenizer kGgufPreTokenizers[] = {{"gpt-2", kBytes, false},
                                                          {"phi-2", kBytes, false},
                                                          {"mpt", kBytes, false},
                                                          {"olmo", kBytes, false},
                                                          {"jina-v2-en", kBytes, false},
                                                          {"smollm", kDigitsThenBytes, false},
                                                          {"starcoder", kDigitsThenBytes, false},
                                                          {"refact", kDigitsThenBytes, false},
                                                          {"command-r", kDigitsThenBytes, false},
                                                          {"codeshell", kDigitsThenBytes, false},
                                                          {"exaone", kDigitsThenBytes, false},
                                                          {"llama-bpe", kLlama3, true},
                                                          {"llama3", kLlama3, true},
                                                          {"llama-v3", kLlama3, true},
                                                          {"smaug-bpe", kLlama3, true},
                                                          {"smollm3", kLlama3, true},
                                                          {"dbrx", kLlama3, false},
                                                          {"qwen2", kQwen2, false},
                                                          {"deepseek-r1-qwen", kQwen2, false},
                                                          {"stablelm2", kQwen2, false},
                                                          {"megrez", kQwen2, false},
                                                          {"tekken", kTekken, true},
                                                          {"gpt-4o", kGpt4o, false},
                                                          {"llama4", kGpt4o, false}};

}  // namespace gradus
