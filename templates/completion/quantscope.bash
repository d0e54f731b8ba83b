# Completes quantscope in bash: eval "$(quantscope completion bash)"

_quantscope_words() {
  local IFS=$'\n' before=
  if [[ -n $2 && $cur == *,* ]]; then before=${cur%,*},; fi
  COMPREPLY=($(compgen -P "$before" -W "${1// /$IFS}" -- "${cur#"$before"}"))
}

_quantscope_files() {
  local IFS=$'\n'
  type compopt &> /dev/null && compopt -o filenames
  if [[ -n $1 ]]; then COMPREPLY=($(compgen -f -X "!*$1" -- "$cur") $(compgen -d -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); fi
}

_quantscope_models() {
  _quantscope_words @MODELS@
  local found=("${COMPREPLY[@]}")
  _quantscope_files .gguf
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then type compopt &> /dev/null && compopt +o filenames; fi
  COMPREPLY=("${found[@]}" "${COMPREPLY[@]}")
}

_quantscope_devices() { _quantscope_words @DEVICES@ several; }

_quantscope_complete() {
  local line=${COMP_LINE:0:COMP_POINT} words cur prev command= i
  read -ra words <<< "$line"
  if [[ $line == *[[:space:]] ]]; then words+=(''); fi
  cur=${words[${#words[@]} - 1]} prev=${words[${#words[@]} - 2]}
  COMPREPLY=()
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    case "${command:+$command }${words[i]}" in
      @PATHS@) command="${command:+$command }${words[i]}" ;;
    esac
  done
  if [[ $cur == --*=* ]]; then prev=${cur%%=*} cur=${cur#*=}; fi
  case "$command" in
@COMMANDS@
  esac
}

_quantscope() {
  local whole=${COMP_LINE:0:COMP_POINT}
  _quantscope_complete
  whole=${whole##*[[:space:]=]}
  if [[ $whole == *:* && $COMP_WORDBREAKS == *:* ]]; then
    local i before=${whole%"${whole##*:}"}
    for ((i = 0; i < ${#COMPREPLY[@]}; i++)); do COMPREPLY[i]=${COMPREPLY[i]#"$before"}; done
  fi
}

complete -F _quantscope quantscope
