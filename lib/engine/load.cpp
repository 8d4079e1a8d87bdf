// SPDX-License-Identifier: BSD-3-Clause
// Part of libcortune: finds and opens the engine library.
#include <dlfcn.h>

#include "core/error.hpp"
#include "engine/engine.hpp"

namespace cortune::engine {

Engine& load() {
    static Engine* const engine = [] {
        Dl_info self{};
        ::dladdr(reinterpret_cast<void*>(&load), &self);
        const auto path = std::filesystem::path(self.dli_fname).parent_path() / "libcortune_engine.so";
        void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
        if (!library) {
            const std::string reason = ::dlerror();
            const bool memory = reason.find("failed to map") != std::string::npos || reason.find("annot allocate") != std::string::npos;
            throw ResourceError("the engine cannot be loaded: " + reason, memory ? "LibTorch needs more memory: ulimit -v, or what the job asks for" : "is LibTorch installed?");
        }
        auto entry = reinterpret_cast<Engine* (*)()>(::dlsym(library, "cortune_engine"));
        if (!entry) throw ResourceError(path.string() + ": not an engine of this version");
        return entry();
    }();
    return *engine;
}

}  // namespace cortune::engine
