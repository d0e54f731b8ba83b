/** What to type instead, where a ref stands in a command's place: `quantscope model.gguf`. */
export function commandHint(argv: readonly string[]): string {
  const word = argv.find((argument) => !argument.startsWith('-')) ?? '';
  const isRef = /\.gguf$|^hf:|^https?:|^nano(?::|$)|[\\/]/i.test(word);
  return isRef ? `hint: "${word}" is a model. What is in it: quantscope inspect ${word}\n` : '';
}
