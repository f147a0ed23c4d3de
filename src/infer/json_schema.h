#pragma once
#include <string>

#include "base/json.h"

namespace gradus {

/// A grammar (see infer/grammar.h) of the JSON texts that a JSON schema allows: objects with their properties in the
/// schema's order, and no spaces but one behind a colon or comma. Understood are type (also a list), enum, const,
/// properties, required, additionalProperties, items, prefixItems, minItems, maxItems, minLength, maxLength, anyOf,
/// oneOf, $ref within the schema, and minimum and maximum of integers; titles and descriptions are passed over. Throws
/// ValueError naming the place of any other keyword that restricts: a text that breaks it must not come out.
std::string grammar_of_json_schema(const Json& schema);

/// The grammar of any JSON text.
std::string grammar_of_json();

}  // namespace gradus
