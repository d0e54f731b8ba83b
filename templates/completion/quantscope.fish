# Completes quantscope in fish: quantscope completion fish > ~/.config/fish/completions/quantscope.fish

function __quantscope_at --argument-names wanted
    set -l command ''
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$command $word")
        contains -- $longer @PATHS@; and set command $longer
    end
    test "$command" = "$wanted"
end

function __quantscope_models
    string split ' ' -- @MODELS@
    __fish_complete_suffix .gguf
end

function __quantscope_devices
    string split ' ' -- @DEVICES@
end

complete -c quantscope -e
complete -c quantscope -f
@COMMANDS@
