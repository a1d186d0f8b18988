#pragma once

#include "gates/table.h"

namespace stagekeeper::testing {

/// One column of each type and three rows, the second without any value.
inline gates::Table typed_table() {
  using gates::ColumnType;
  return gates::read_table(
             "d,f,l,i,s,b\n"
             "1000,0.5,7,-3,\"a\"\"b\n\xC3\xA4\",true\n"
             ",,,,,\n"
             "1e-300,1e20,0,0,\"\",0\n",
             {{.name = "d", .type = ColumnType::kDouble},
              {.name = "f", .type = ColumnType::kFloat},
              {.name = "l", .type = ColumnType::kLong},
              {.name = "i", .type = ColumnType::kInteger},
              {.name = "s", .type = ColumnType::kString},
              {.name = "b", .type = ColumnType::kBoolean}})
      .value();
}

}  // namespace stagekeeper::testing
