// Continues a text with a model in Hugging Face's format: generate <folder> <prompt> [tokens]
#include <gradus/infer.h>
#include <gradus/models.h>
#include <gradus/text.h>

#include <cstdio>
#include <cstdlib>

using namespace gradus;

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: generate <folder> <prompt> [tokens]\n"), 2;
  try {
    const Tokenizer tokenizer = Tokenizer::load(argv[1]);
    const auto model = load_causal_lm(argv[1], {.trainable = false});
    const GenerationConfig config = read_generation_config(argv[1], *model, tokenizer);

    GenerateOptions options;
    options.sampling = {.temperature = 0.8, .top_p = 0.95, .seed = 7};
    options.max_new_tokens = argc > 3 ? std::atoi(argv[3]) : 40;
    options.eos = config.eos;

    // The text arrives in pieces that are certain; returning false would end it.
    const auto show = [](int64_t, std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      return true;
    };
    const auto texts = generate(*model, tokenizer, prompt_tokens(tokenizer, config, argv[2]), options, show);
    std::printf("\n[%zu tokens, ended by %s]\n", texts[0].ids.size(), name_of(texts[0].reason));
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
