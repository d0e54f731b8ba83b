/** Types that llama.cpp keeps keys and values in, by the names that its `--cache-type-k` takes: tensor types in lower case. */
export const CACHE_TYPES = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

/** Those that apps use: llama.cpp's own, half of it and a quarter. */
export const USUAL_CACHE_TYPES = ['f16', 'q8_0', 'q4_0'] as const satisfies readonly CacheType[];
export type UsualCacheType = (typeof USUAL_CACHE_TYPES)[number];

/** How llama.cpp runs a model on a phone. */
export const BACKENDS = ['cpu', 'opencl', 'hexagon', 'metal', 'vulkan'] as const;
export type Backend = (typeof BACKENDS)[number];
