// gradus word2vec train | phrases | similar | analogy | eval | plot
#include "models/text/word2vec.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/text_io.h"
#include "cli/usage.h"
#include "cli/verbs.h"
#include "io/png.h"
#include "io/word_map.h"
#include "models/text/phrases.h"
#include "models/text/word_evaluation.h"

namespace gradus::cli {

namespace {

struct TrainWordsArgs {
  std::string input, output, save_vocabulary;
  Word2VecOptions options;
  bool cbow = false, cbow_sum = false, binary = false, json = false;
  int64_t min_count = 5, max_vocabulary = 0;
  int threads = 0;
  int64_t seed = 1;
};

/// A mapped file, or standard input.
class Input {
 public:
  explicit Input(const std::string& path) {
    if (path == "-")
      text_ = read_input(path);
    else
      file_.emplace(path);
  }
  std::string_view text() const {
    return file_ ? std::string_view(reinterpret_cast<const char*>(file_->data()), file_->size()) : text_;
  }

 private:
  std::optional<MappedFile> file_;
  std::string text_;
};

void save_vectors(const WordVectors& vectors, const std::string& path, bool binary) {
  binary ? vectors.save(path, true) : vectors.save(path);
}

void train_words(TrainWordsArgs args) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - began).count(); };
  if (args.threads > 0) set_threads(args.threads);
  args.options.cbow_mean = !args.cbow_sum;
  args.options.seed = static_cast<uint64_t>(args.seed);
  const Input input(args.input);
  const WordCorpus corpus = read_corpus(input.text(), args.min_count, args.max_vocabulary);
  const auto words = static_cast<int64_t>(corpus.ids.size());
  std::fprintf(stderr, "%s words read, %s of %zu different ones kept, %zu sentences\n",
               human_count(static_cast<double>(corpus.raw_words)).c_str(),
               human_count(static_cast<double>(words)).c_str(), corpus.words.size(), corpus.sentences.size() - 1);
  const double counted = seconds();
  std::optional<Progress> bar;
  if (is_terminal(2)) bar.emplace(words * args.options.epochs, 0, "word");
  if (bar)
    args.options.progress = [&](int64_t done, int64_t) {
      const double rate = static_cast<double>(done) / std::max(seconds() - counted, 1e-9);
      bar->update(done, {{"", human_count(rate) + " words/s"}});
    };
  const Word2Vec result = train_word2vec(corpus, args.options);
  if (bar) bar->finish();
  save_vectors(result.vectors, args.output, args.binary);
  if (!args.save_vocabulary.empty()) {
    std::string lines;
    for (size_t i = 0; i < corpus.words.size(); ++i)
      lines += corpus.words[i] + " " + std::to_string(corpus.counts[i]) + "\n";
    write_file_atomic(args.save_vocabulary, lines);
  }
  const double total = seconds(), rate = static_cast<double>(corpus.raw_words * args.options.epochs) / total;
  if (args.json) {
    const Json report = {{"words", corpus.raw_words},     {"kept_words", words}, {"vocabulary", corpus.words.size()},
                         {"epochs", args.options.epochs}, {"seconds", total},    {"words_per_second", rate}};
    write_output(dump_json(report) + "\n");
  }
  std::fprintf(stderr, "%zu vectors of %lld numbers written to %s: %.1f s, %s words/s\n", corpus.words.size(),
               static_cast<long long>(args.options.size), args.output.c_str(), total, human_count(rate).c_str());
}

struct WordsArgs {
  std::string vectors, input = "-", output = "-", pairs, analogies, title;
  std::vector<std::string> words, minus;
  PhraseOptions phrases;
  int passes = 1;
  int64_t top = 10, among = 0;
  bool binary = false, json = false;
};

WordVectors load_vectors(const WordsArgs& args) {
  return args.binary ? WordVectors::load(args.vectors, true) : WordVectors::load(args.vectors);
}

void write_neighbours(const WordVectors& vectors, const std::vector<WordVectors::Neighbour>& list, bool json) {
  Json out = Json::array();
  std::string lines;
  for (const auto& [word, cosine] : list) {
    const std::string& text = vectors.words()[word];
    out.push_back({{"word", text}, {"cosine", cosine}});
    char number[32];
    std::snprintf(number, sizeof number, "%.4f  ", cosine);
    lines += number + text + "\n";
  }
  write_output(json ? dump_json(out) + "\n" : lines);
}

void similar(const WordsArgs& args) {
  const WordVectors vectors = load_vectors(args);
  std::vector<int64_t> plus, minus;
  for (const auto& word : args.words) plus.push_back(vectors.at(word));
  for (const auto& word : args.minus) minus.push_back(vectors.at(word));
  write_neighbours(vectors, vectors.nearest(plus, minus, args.top, args.among), args.json);
}

void analogy(const WordsArgs& args) {
  const WordVectors vectors = load_vectors(args);
  const int64_t a = vectors.at(args.words[0]), b = vectors.at(args.words[1]), c = vectors.at(args.words[2]);
  write_neighbours(vectors, vectors.nearest({b, c}, {a}, args.top, args.among), args.json);
}

void evaluate(const WordsArgs& args) {
  if (args.pairs.empty() && args.analogies.empty()) throw CLI::RequiredError("--pairs or --analogies");
  const WordVectors vectors = load_vectors(args);
  Json out = Json::object();
  std::string lines;
  const auto line = [&](const char* format, auto... values) {
    char text[256];
    std::snprintf(text, sizeof text, format, values...);
    lines += text;
  };
  if (!args.pairs.empty()) {
    const PairEvaluation e = evaluate_pairs(vectors, read_input(args.pairs), args.pairs);
    out["pairs"] = e.pairs, out["skipped_pairs"] = e.skipped;
    if (e.labels) {
      out["auc"] = e.auc;
      line("AUC %.4f (%lld pairs, %lld without vectors)\n", e.auc, static_cast<long long>(e.pairs),
           static_cast<long long>(e.skipped));
    } else {
      out["spearman"] = e.spearman, out["pearson"] = e.pearson;
      line("Spearman %.4f, Pearson %.4f (%lld pairs, %lld without vectors)\n", e.spearman, e.pearson,
           static_cast<long long>(e.pairs), static_cast<long long>(e.skipped));
    }
  }
  if (!args.analogies.empty()) {
    const auto sections =
        evaluate_analogies(vectors, read_input(args.analogies), args.analogies, args.among > 0 ? args.among : 300'000);
    AnalogySection all{"total"};
    Json list = Json::array();
    const auto add = [&](const AnalogySection& s) {
      const double share = s.asked > 0 ? static_cast<double>(s.right) / static_cast<double>(s.asked) : 0;
      list.push_back(
          {{"section", s.name}, {"accuracy", share}, {"right", s.right}, {"asked", s.asked}, {"skipped", s.skipped}});
      line("%-30s %6.2f %%  (%lld of %lld, %lld without vectors)\n", s.name.c_str(), 100 * share,
           static_cast<long long>(s.right), static_cast<long long>(s.asked), static_cast<long long>(s.skipped));
    };
    for (const AnalogySection& s : sections) {
      add(s);
      all.right += s.right, all.asked += s.asked, all.skipped += s.skipped;
    }
    add(all);
    out["analogies"] = list;
    out["accuracy"] = list.back()["accuracy"];
  }
  write_output(args.json ? dump_json(out) + "\n" : lines);
}

void plot_words(const WordsArgs& args) {
  const WordVectors vectors = load_vectors(args);
  std::vector<int64_t> words;
  for (const auto& word : args.words) words.push_back(vectors.at(word));
  for (int64_t i = 0; args.words.empty() && i < std::min(args.top, vectors.count()); ++i) words.push_back(i);
  const auto plane = plane_of(vectors, words).to_vector<double>();
  std::vector<LabelledPoint> points;
  for (size_t i = 0; i < words.size(); ++i)
    points.push_back({plane[2 * i], plane[2 * i + 1], vectors.words()[words[i]]});
  const std::string title = args.title.empty() ? "Word vectors" : args.title;
  write_png(args.output,
            render_word_map(points, title,
                            std::to_string(points.size()) + " words along their two directions of largest variance"));
  std::printf("%s\n", args.output.c_str());
}

void phrases(const WordsArgs& args) {
  std::string text = read_input(args.input);
  for (int i = 0; i < args.passes; ++i) text = join_phrases(text, args.phrases);
  args.output == "-" ? write_output(text) : write_file_atomic(args.output, text);
}

void add_train(CLI::App* verb) {
  const auto a = std::make_shared<TrainWordsArgs>();
  CLI::App* make = verb->add_subcommand("train", "Learn a vector for each word of a text with one sentence a line.");
  make->add_option("--input", a->input, "text file, words separated by white space; - : standard input")->required();
  make->add_option("--output", a->output, "where the vectors go; .bin: binary, otherwise text")->required();
  auto* sg = make->add_flag("--sg", a->options.skip_gram, "skip-gram");
  make->add_flag("--cbow", a->cbow, "continuous bag of words (the default)")->excludes(sg);
  make->add_flag("--cbow-sum", a->cbow_sum, "CBOW takes the context's sum, not its mean");
  make->add_option("--size", a->options.size, "numbers of a vector")->capture_default_str();
  make->add_option("--window", a->options.window, "words that count to either side, at most")->capture_default_str();
  auto* negative = make->add_option("--negative", a->options.negative, "negative sampling with this many noise words")
                       ->capture_default_str();
  make->add_flag("--hs", a->options.hierarchical, "hierarchical softmax; with --negative both");
  make->add_option("--ns-exponent", a->options.noise_exponent, "noise words are drawn by count to this power")
      ->capture_default_str();
  make->add_option("--min-count", a->min_count, "words that stand less often are left out")->capture_default_str();
  make->add_option("--max-vocab", a->max_vocabulary, "keep at most this many words, the most frequent; 0: all");
  make->add_option("--sample", a->options.sample, "words more frequent than this are thinned out; 0: none")
      ->capture_default_str();
  make->add_option("--epochs", a->options.epochs, "passes over the text")->capture_default_str();
  make->add_option("--alpha", a->options.alpha, "learning rate at the start")->capture_default_str();
  make->add_option("--min-alpha", a->options.min_alpha, "learning rate at the end")->capture_default_str();
  make->add_option("--threads", a->threads, "threads; 0: as many as processors")->check(not_negative());
  make->add_option("--seed", a->seed, "with one thread, equal seeds give equal vectors")->capture_default_str();
  make->add_flag("--binary", a->binary, "write the binary format whatever the name");
  make->add_option("--save-vocab", a->save_vocabulary, "write the words with their counts to this file");
  make->add_flag("--json", a->json, "report words and speed as one JSON object on standard output");
  make->callback([a, negative] {
    if (a->options.hierarchical && negative->count() == 0) a->options.negative = 0;
    train_words(*a);
  });
}

void add_vectors(CLI::App* verb, WordsArgs& args) {
  verb->add_option("--vectors,--model", args.vectors, "file of word vectors; .bin: binary")->required();
  verb->add_flag("--binary", args.binary, "the file is binary whatever its name");
}

}  // namespace

void add_word2vec(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("word2vec", "Word vectors: learn them from text, ask, evaluate and draw them.");
  verb->require_subcommand(1);
  add_train(verb);

  const auto p = std::make_shared<WordsArgs>();
  CLI::App* join = verb->add_subcommand("phrases", "Join words that belong together: new york becomes new_york.");
  join->add_option("--input", p->input, "text, one sentence a line; - : standard input")->capture_default_str();
  join->add_option("--output", p->output, "- : standard output")->capture_default_str();
  join->add_option("--min-count", p->phrases.min_count, "discount of rare pairs")->capture_default_str();
  join->add_option("--threshold", p->phrases.threshold, "pairs that score higher are joined")->capture_default_str();
  join->add_option("--delimiter", p->phrases.delimiter, "between the joined words")->capture_default_str();
  join->add_option("--passes", p->passes, "each finds phrases of up to twice as many words")
      ->check(CLI::Range(1, 10))
      ->capture_default_str();
  join->callback([p] { phrases(*p); });

  const auto s = std::make_shared<WordsArgs>();
  CLI::App* near = verb->add_subcommand("similar", "The nearest words to one word, or to the sum of several.");
  add_vectors(near, *s);
  near->add_option("WORD", s->words, "words that count for")->required();
  near->add_option("--minus", s->minus, "words that count against");
  near->add_option("--top", s->top, "how many")->capture_default_str()->check(positive());
  near->add_option("--among", s->among, "only the first so many words; 0: all");
  near->add_flag("--json", s->json, "one JSON array on standard output");
  near->callback([s] { similar(*s); });

  const auto n = std::make_shared<WordsArgs>();
  CLI::App* relate = verb->add_subcommand("analogy", "A is to B as C is to what?");
  add_vectors(relate, *n);
  relate->add_option("WORDS", n->words, "A B C")->required()->expected(3);
  relate->add_option("--top", n->top, "how many")->capture_default_str()->check(positive());
  relate->add_option("--among", n->among, "only the first so many words; 0: all");
  relate->add_flag("--json", n->json, "one JSON array on standard output");
  relate->callback([n] { analogy(*n); });

  const auto e = std::make_shared<WordsArgs>();
  CLI::App* rate = verb->add_subcommand("eval", "Compare vectors with judgements of pairs, or answer analogies.");
  add_vectors(rate, *e);
  rate->add_option("--pairs", e->pairs, "two words and a number a line; 0 and 1 give AUC, others correlations");
  rate->add_option("--analogies", e->analogies, "four words a line, sections begin with ':'");
  rate->add_option("--among", e->among, "analogies: only the first so many words [300000]");
  rate->add_flag("--json", e->json, "one JSON object on standard output");
  rate->callback([e] { evaluate(*e); });

  const auto d = std::make_shared<WordsArgs>();
  d->top = 150, d->output = "words.png";
  CLI::App* draw = verb->add_subcommand("plot", "Draw words on the plane of their largest variance as a PNG.");
  add_vectors(draw, *d);
  draw->add_option("WORDS", d->words, "which words [the most frequent]");
  draw->add_option("--top", d->top, "how many of the most frequent")->capture_default_str()->check(positive());
  draw->add_option("--title", d->title, "heading");
  draw->add_option("-o,--output", d->output, "the picture")->capture_default_str();
  draw->callback([d] { plot_words(*d); });
}

}  // namespace gradus::cli
