#compdef quantscope
# Completes quantscope in zsh: eval "$(quantscope completion zsh)"

_quantscope_models() {
  compadd -- @MODELS@
  _files -g '*.gguf'
}

_quantscope_devices() {
  compset -P '*,'
  compadd -- @DEVICES@
}

_quantscope() {
  local command= prev=${words[CURRENT - 1]} i
  local -a options commands
  for ((i = 2; i < CURRENT; i++)); do
    case "${command:+$command }${words[i]}" in
      @PATHS@) command="${command:+$command }${words[i]}" ;;
    esac
  done
  if [[ ${words[CURRENT]} == --*=* ]]; then
    prev=${words[CURRENT]%%=*}
    compset -P '*='
  fi
  case "$command" in
@COMMANDS@
  esac
}

if [[ ${funcstack[1]} == _quantscope ]]; then _quantscope "$@"; else compdef _quantscope quantscope; fi
