# The rooms of the installed library: room(name "what it is for" patterns...) makes <gradus/name.h>, which includes every
# header under src/ that matches. New headers of a floor are found by themselves.
# INTERNAL: headers of a floor that no user needs; they are installed only where a public one includes them.
set(INTERNAL
    "autograd/(evaluation|frame|watchers|window)\\.h"
    "io/(convert_types|font|foreign_array|geometry|gguf_pre_tokenizer|gguf_types|pickle|zip)\\.h"
    "lab/plane\\.h"
    "ops/.*_(detail|internal)\\.h"
    "optim/(line_search|named_options|vector_math)\\.h"
    "tensor/(arena|storage)\\.h"
    "text/(added_tokens|base64|bpe|byte_level|byte_trie|foreign_parts|merge_trainer|sentencepiece_model|tokenizer_json|tokenizer_parts|unicode|unicode_tables|unigram_lattice|vocabulary)\\.h"
    "train/(run_folder|run_log|run_state|task_parts|toml_json)\\.h")

room(tensor "Tensors, element types, errors, random numbers, threads, memory." tensor/*.h base/dtype.h
     base/parallel.h base/precision.h base/random.h base/shape.h base/version.h)
room(autograd "Gradients, derivatives of functions, hooks, checkpointing; record() and save() for operations of your own." autograd/*.h)
room(ops "Differentiable functions of tensors." ops/*.h)
room(nn "Layers over named parameters." nn/*.h nn/*/*.h)
room(optim "Optimisers, clipping, learning-rate schedules." optim/*.h)
room(io "safetensors, GGUF, PyTorch and numpy files, conversion, JSON, PNG and charts, TensorBoard events." io/*.h base/file.h base/json.h)
room(text "Tokenizers." text/*.h)
room(data "Documents, held-out split, packing." data/*.h)
room(models "Model families, checkpoints." models/*.h models/*/*.h)
room(lab "Small experiments: formulas, their gradients and pictures." lab/*.h)
room(objectives "What is minimised." objectives/*.h)
room(train "Recipes, the training loop, checkpoints, evaluation." train/*.h)
room(infer "Sampling, stop strings, generation." infer/*.h)

# <gradus/core.h> is what most files of a program need, and nothing that is slow to compile: rooms, and single headers
# of the rooms that bring <functional> or JSON elsewhere. <gradus/gradus.h> is all rooms.
set(CORE tensor.h ops.h nn/activation.h nn/conv.h nn/layers.h nn/norm.h nn/parameters.h autograd/autograd.h autograd/record.h optim/adamw.h)
