/**
 * Names that llama.cpp v0.5.0 knows. A file that names another one is not loaded.
 */

/** `LLM_ARCH_NAMES`, src/llama-arch.cpp. */
export const ARCHITECTURES: ReadonlySet<string> = new Set(
  (
    'clip llama llama4 deci falcon grok gpt2 gptj gptneox mpt baichuan starcoder refact bert modern-bert nomic-bert ' +
    'nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert bloom stablelm qwen qwen2 qwen2moe qwen2vl qwen3 ' +
    'qwen3moe qwen3next qwen3vl qwen3vlmoe qwen35 qwen35moe qwen4exp phi2 phi3 phimoe plamo plamo2 plamo3 codeshell ' +
    'orion internlm2 minicpm minicpm3 gemma gemma2 gemma3 gemma3n gemma4 gemma4-assistant gemma-embedding starcoder2 ' +
    'mamba mamba2 maple jamba falcon-h1 xverse command-r cohere2 cohere2moe dbrx olmo olmo2 olmoe muse-glimmer ' +
    'openelm arctic deepseek deepseek2 deepseek2-ocr deepseek32 deepseek4 chatglm glm4 glm4moe glm-dsa bitnet t5 ' +
    't5encoder jais jais2 nemotron nemotron_h nemotron_h_moe exaone exaone4 exaone-moe rwkv6 rwkv6qwen2 rwkv7 arwkv7 ' +
    'granite granitemoe granitehybrid graniteswitch granite_swa chameleon wavtokenizer-dec plm bailingmoe bailingmoe2 ' +
    'bailingmoe3 dots1 dots3note arcee afmoe laguna ernie4_5 ernie4_5-moe hunyuan-moe hunyuan-dense hunyuan_vl hy_v3 ' +
    'hy_v4 smollm3 gpt-oss lfm2 lfm2moe dream smallthinker llada llada-moe seed_oss grovemoe apertus minimax-01 ' +
    'hrm_text minimax-m2 minimax-m3 cogvlm rnd1 pangu-embedded mistral3 eagle3 dflash mistral4 paddleocr mimo2 step35 ' +
    'spark2_5 llama-embed maincoder kimi-linear kimi-k3 talkie mellum nanbeige qwen3tts pockettts'
  ).split(' '),
);

/** `tokenizer.ggml.model`, src/llama-vocab.cpp:1949-2151. */
export const TOKENIZER_MODELS: ReadonlySet<string> = new Set([
  'no_vocab',
  'none',
  'llama',
  'bert',
  'gpt2',
  'hybriddna',
  'whitespace',
  't5',
  'rwkv',
  'test',
  'plamo2',
  'gemma4',
]);

/** Tokenizer models that merge pairs and have a pre-tokenizer (`LLAMA_VOCAB_TYPE_BPE`). */
export const BPE_MODELS: ReadonlySet<string> = new Set(['gpt2', 'hybriddna', 'whitespace', 'gemma4']);

/** Tokenizer models without a vocabulary in the file. */
export const EMPTY_MODELS: ReadonlySet<string> = new Set(['no_vocab', 'none']);

/** `tokenizer.ggml.pre`, src/llama-vocab.cpp:2168-2420. */
export const PRE_TOKENIZERS: ReadonlySet<string> = new Set(
  (
    'default minicpm5 llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano deepseek-llm ' +
    'deepseek-coder deepseek-v3 spark2_5 youtu falcon mpt starcoder gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es ' +
    'jina-v2-de a.x-4.0 mellum modern-bert jais-2 gemma4 granite-embed-multi-311m sarvam-moe jina-v1-en jina-v2-code ' +
    'roberta-bpe whitespace refact command-r qwen2 deepseek-r1-qwen kormo f2llmv2 qwen35 stablelm2 olmo dbrx smaug-bpe ' +
    'poro-chat glm4 chatglm-bpe viking jais tekken smollm codeshell bloom gpt3-finnish exaone exaone4 exaone-moe ' +
    'chameleon minerva-7b megrez gpt-4o llama4 kanana2 talkie granite-embed-multi-97m tiny_aya cohere2moe superbpe ' +
    'trillion granite-docling bailingmoe bailingmoe2 llada-moe seed-coder hunyuan hunyuan-dense hy_v4 joyai-llm ' +
    'kimi-k2 ufakzeka grok-2 afmoe laguna minimax-m2 solar-open mellum2'
  ).split(' '),
);

/** `LLAMA_ROPE_SCALING_TYPES`, src/llama-model.cpp:1017. */
export const ROPE_SCALING_TYPES: ReadonlySet<string> = new Set(['none', 'linear', 'yarn', 'longrope']);

/** `LLAMA_MAX_LAYERS` and `LLAMA_MAX_EXPERTS`, src/llama-hparams.h. */
export const MAXIMUM_LAYERS = 512;
export const MAXIMUM_EXPERTS = 1024;
