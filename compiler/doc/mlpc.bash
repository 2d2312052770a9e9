# bash completion for mlpc: verbs, the options of each, words that options take, scripts and weights files.

_mlpc_files() # SUFFIX: files that end so, and folders
{
    local name
    COMPREPLY=()
    while IFS= read -r name; do
        if [[ -d $name ]]; then
            COMPREPLY+=("$name/")
        elif [[ $name == *$1 ]]; then
            COMPREPLY+=("$name")
        fi
    done < <(compgen -f -- "$cur")
    compopt -o filenames -o nospace 2>/dev/null
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != */ ]] && compopt +o nospace 2>/dev/null
}

_mlpc()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=build word first=1 i
    local verbs='check show train eval run bench repl reference help'
    local warnings='linear-stack rank-bottleneck saturating-depth loss-mismatch softmax-mse waist-of-one unused
        sign-untrainable softmax-of-one cpp-name extra-weights'
    local weights='--weights --by-order -D -Wno- --help --version'
    local data='--data --labels --val --val-labels --test --test-labels --label --delimiter --threads'
    local train='--scale --split --epochs --batch --lr --optimizer --schedule --warmup --decay --momentum --weight-decay
        --clip --seed --patience --checkpoint --every --resume --log'
    local options
    COMPREPLY=()
    # --target=simd comes as three words.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $prev == "=" ]] && ((COMP_CWORD >= 2)); then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -o | --header | --prefix | --target | --weights | --weights-as | --weights-type | --calibrate | -D | -W | -d) ((i++)) ;;
        --data | --val | --val-labels | --test | --test-labels | --label | --delimiter | --threads | --format | --jit) ((i++)) ;;
        --labels) [[ $verb == run ]] || ((i++)) ;;
        --scale | --split | --epochs | --batch | --lr | --optimizer | --schedule | --warmup | --decay | --momentum) ((i++)) ;;
        --weight-decay | --clip | --seed | --patience | --checkpoint | --every | --resume | --log) ((i++)) ;;
        -*) ;;
        *)
            [[ $first ]] || continue
            first=
            for word in $verbs; do
                [[ $word == "${COMP_WORDS[i]}" ]] && verb=$word
            done
            ;;
        esac
    done
    case $verb in
    build) options="-o --header --single-header --prefix --target --weights-as --weights-type --calibrate --train -d $weights" ;;
    show) options="--json --dot --target --weights-as --weights-type --calibrate --train $weights" ;;
    train) options="-o $data $train $weights" ;;
    eval) options="$data $weights" ;;
    run) options="--data --format -o --labels --delimiter --jit $weights" ;;
    bench) options="--json $weights" ;;
    help) options='--help --version' ;;
    *) options=$weights ;;
    esac
    [[ $verb == run && $prev == --labels ]] && prev=
    case $prev in
    -o | --header | --calibrate | --data | --labels | --val | --val-labels | --test | --test-labels | --checkpoint | --resume | --log)
        _mlpc_files '' && return
        ;;
    --scale) mapfile -t COMPREPLY < <(compgen -W 'none standard minmax 1/255' -- "$cur") && return ;;
    --optimizer) mapfile -t COMPREPLY < <(compgen -W 'sgd momentum nesterov rmsprop adam adamw' -- "$cur") && return ;;
    --schedule) mapfile -t COMPREPLY < <(compgen -W 'constant step cosine' -- "$cur") && return ;;
    --label | --delimiter | --threads | --split | --epochs | --batch | --lr | --warmup | --decay | --momentum) return ;;
    --weight-decay | --clip | --seed | --patience | --every) return ;;
    --weights) _mlpc_files .safetensors && return ;;
    --format) mapfile -t COMPREPLY < <(compgen -W 'csv npy f32' -- "$cur") && return ;;
    --jit) mapfile -t COMPREPLY < <(compgen -W 'tcc cc auto' -- "$cur") && return ;;
    --target) mapfile -t COMPREPLY < <(compgen -W 'simd portable' -- "$cur") && return ;;
    --weights-type) mapfile -t COMPREPLY < <(compgen -W 'f32 bf16 f16 i8' -- "$cur") && return ;;
    --weights-as) mapfile -t COMPREPLY < <(compgen -W 'table file' -- "$cur") && return ;;
    -d) mapfile -t COMPREPLY < <(compgen -W 'graph grad fold fuse plan' -- "$cur") && return ;;
    --prefix | -D) return ;;
    esac
    case $cur in
    -W*)
        for word in $warnings all; do
            [[ "-Wno-$word" == "$cur"* ]] && COMPREPLY+=("-Wno-$word")
        done
        [[ "-Werror" == "$cur"* ]] && COMPREPLY+=(-Werror)
        ;;
    -*)
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        [[ ${COMPREPLY[0]} == -Wno- ]] && compopt -o nospace 2>/dev/null
        ;;
    *)
        if [[ $verb == help ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
            return
        fi
        _mlpc_files .lua
        if [[ $COMP_CWORD -eq 1 ]]; then
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$verbs" -- "$cur")
            compopt +o nospace 2>/dev/null
        fi
        ;;
    esac
}

complete -F _mlpc mlpc
