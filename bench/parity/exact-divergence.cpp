// The divergence of one model from another, from every logit of both as llama.cpp computes them, in double precision:
// what llama-perplexity prints, without the 16 bits that it stores its base in.
//
//     exact-divergence LIBRARIES REFERENCE CANDIDATE TEXT CONTEXT CHUNKS THREADS
//
// Prints one statistic a line, name and value, KLD in nats and shares from 0 to 1.
#include "ggml-backend.h"
#include "llama.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Side {
    llama_model *model;
    llama_context *context;
};

static Side open(const char *path, int size, int threads) {
    llama_model *model = llama_model_load_from_file(path, llama_model_default_params());
    if (!model) throw std::runtime_error(std::string("cannot load ") + path);
    llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = size;
    params.n_ubatch = std::min(size, 512);
    params.n_threads = params.n_threads_batch = threads;
    params.swa_full = false;
    return {model, llama_init_from_model(model, params)};
}

static void evaluate(const Side &side, const std::vector<llama_token> &tokens, int first) {
    llama_memory_clear(llama_get_memory(side.context), true);
    const int count = (int) tokens.size();
    llama_batch batch = llama_batch_init(count, 0, 1);
    for (int i = 0; i < count; i++) {
        batch.token[i] = tokens[i];
        batch.pos[i] = i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = i >= first;
    }
    batch.n_tokens = count;
    if (llama_decode(side.context, batch) != 0) throw std::runtime_error("cannot evaluate");
    llama_batch_free(batch);
}

static double log_sum(const float *row, int count) {
    const double max = *std::max_element(row, row + count);
    double sum = 0;
    for (int i = 0; i < count; i++) sum += std::exp(row[i] - max);
    return max + std::log(sum);
}

/** Between the two values that a share of all lies between, as llama-perplexity takes it. */
static double percentile(const std::vector<double> &sorted, double share) {
    const double at = share * (sorted.size() - 1);
    const size_t below = (size_t) at;
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

static double mean(const std::vector<double> &values) {
    double sum = 0;
    for (double value : values) sum += value;
    return sum / values.size();
}

int main(int, char **arguments) {
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    ggml_backend_load_all_from_path(arguments[1]);
    llama_backend_init();
    const int size = std::atoi(arguments[5]), threads = std::atoi(arguments[7]);
    const Side reference = open(arguments[2], size, threads), candidate = open(arguments[3], size, threads);
    std::stringstream text;
    text << std::ifstream(arguments[4]).rdbuf();
    std::string said = text.str();
    if (!said.empty() && said.back() == '\n') said.pop_back();
    const llama_vocab *vocabulary = llama_model_get_vocab(reference.model);
    const int words = llama_vocab_n_tokens(vocabulary);
    std::vector<llama_token> all(said.size() + 8);
    all.resize(llama_tokenize(vocabulary, said.data(), said.size(), all.data(), all.size(), true, false));
    const int chunks = std::min(std::atoi(arguments[6]), (int) all.size() / size);

    std::vector<double> kld, delta, squared, same, loss, ratio;
    const int first = size / 2;
    for (int chunk = 0; chunk < chunks; chunk++) {
        std::vector<llama_token> tokens(all.begin() + chunk * size, all.begin() + (chunk + 1) * size);
        if (llama_vocab_get_add_bos(vocabulary)) tokens[0] = llama_vocab_bos(vocabulary);
        evaluate(reference, tokens, first);
        evaluate(candidate, tokens, first);
        for (int position = first; position < size - 1; position++) {
            const float *p = llama_get_logits_ith(reference.context, position);
            const float *q = llama_get_logits_ith(candidate.context, position);
            const double sum_p = log_sum(p, words), sum_q = log_sum(q, words);
            double divergence = 0;
            for (int i = 0; i < words; i++) {
                const double log_p = p[i] - sum_p;
                divergence += std::exp(log_p) * (log_p - (q[i] - sum_q));
            }
            const llama_token next = tokens[position + 1];
            const double log_p = p[next] - sum_p, log_q = q[next] - sum_q;
            kld.push_back(divergence);
            delta.push_back(std::exp(log_q) - std::exp(log_p));
            squared.push_back(delta.back() * delta.back());
            same.push_back(std::max_element(p, p + words) - p == std::max_element(q, q + words) - q);
            loss.push_back(-log_q);
            ratio.push_back(log_p - log_q);
        }
    }
    std::sort(kld.begin(), kld.end());
    std::printf("mean KLD\t%.9f\nmedian KLD\t%.9f\n", mean(kld), percentile(kld, 0.5));
    std::printf("90 %% KLD\t%.9f\n99 %% KLD\t%.9f\n", percentile(kld, 0.9), percentile(kld, 0.99));
    std::printf("99.9 %% KLD\t%.9f\nmaximum KLD\t%.9f\n", percentile(kld, 0.999), kld.back());
    std::printf("mean Δp\t%.9f\nRMS Δp\t%.9f\n", mean(delta), std::sqrt(mean(squared)));
    std::printf("same top token\t%.9f\nln PPL ratio\t%.9f\n", mean(same), mean(ratio));
    std::printf("perplexity\t%.9f\n", std::exp(mean(loss)));
}
