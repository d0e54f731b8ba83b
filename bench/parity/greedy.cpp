// Greedy replies by llama.cpp's C interface alone: what replies.ts compares the engine's with.
//
//     greedy BACKENDS MODEL THREADS TOKENS < prompts
//
// Reads one prompt a line, writes the ids of its reply a line.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"

int main(int argc, char ** argv) {
    if (argc != 5) {
        std::fprintf(stderr, "usage: greedy BACKENDS MODEL THREADS TOKENS\n");
        return 2;
    }
    const int threads = std::stoi(argv[3]);
    const int limit = std::stoi(argv[4]);
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    ggml_backend_load_all_from_path(argv[1]);
    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers = 0;
    llama_model * model = llama_model_load_from_file(argv[2], model_params);
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 1024;
    params.n_batch = params.n_ubatch = 512;
    params.n_threads = params.n_threads_batch = threads;
    params.swa_full = false;
    llama_context * context = model == nullptr ? nullptr : llama_init_from_model(model, params);
    if (context == nullptr) {
        std::fprintf(stderr, "llama.cpp refused the model\n");
        return 1;
    }
    const llama_vocab * vocab = llama_model_get_vocab(model);
    llama_sampler * greedy = llama_sampler_init_greedy();
    for (std::string prompt; std::getline(std::cin, prompt);) {
        std::vector<llama_token> tokens(prompt.size() + 16);
        tokens.resize(llama_tokenize(vocab, prompt.data(), prompt.size(), tokens.data(), tokens.size(), true, true));
        llama_memory_clear(llama_get_memory(context), true);
        llama_batch batch = llama_batch_get_one(tokens.data(), tokens.size());
        for (int i = 0; i < limit; i++) {
            if (llama_decode(context, batch) != 0) return 1;
            llama_token token = llama_sampler_sample(greedy, context, -1);
            if (llama_vocab_is_eog(vocab, token)) break;
            std::printf("%s%d", i == 0 ? "" : " ", token);
            tokens.assign(1, token);
            batch = llama_batch_get_one(tokens.data(), 1);
        }
        std::printf("\n");
    }
    return 0;
}
