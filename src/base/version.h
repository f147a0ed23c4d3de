#pragma once

namespace gradus {

/// "0.1.0"
const char* version();

}  // namespace gradus
