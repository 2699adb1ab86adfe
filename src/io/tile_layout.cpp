#include "io/detail/tile_layout.hpp"

#include <algorithm>

#include "widelimit/io/file.hpp"

#include "io/detail/structure.hpp"

namespace widelimit::io::detail {
namespace {

std::string const& coverage_name(Coverage coverage) {
  static std::string const names[] = {"all", "lower", "mirror"};
  return names[static_cast<int>(coverage)];
}

Coverage coverage_of(std::string const& name) {
  if (name == coverage_name(Coverage::lower)) return Coverage::lower;
  return name == coverage_name(Coverage::mirror) ? Coverage::mirror : Coverage::all;
}

void make_matrix(hid_t file, Index number, MatrixSpec const& spec) {
  std::string const group_name = checkpoint_group(spec.path);
  GroupHandle const group = open_group(file, group_name);
  set_attribute(group.get(), "number", number);
  set_attribute(group.get(), "path", spec.path);
  set_attribute(group.get(), "tile", spec.grid.tile);
  set_attribute(group.get(), "coverage", coverage_name(spec.grid.coverage));
  set_attribute(group.get(), "row_dimension", spec.dimension_names[0]);
  set_attribute(group.get(), "column_dimension", spec.dimension_names[1]);
  Index const count = spec.grid.count();
  create_array(file, group_name + "/finished", {count}, H5T_STD_U8LE, Storage::zeroed);
  create_array(file, group_name + "/checksum", {count}, H5T_NATIVE_UINT64, Storage::zeroed);
  std::vector<Index> const shape{spec.grid.rows, spec.grid.cols};
  DatasetHandle const data = create_array(
      file, spec.path, shape, spec.single ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, Storage::reserved,
      {std::min(spec.grid.tile, spec.grid.rows), std::min(spec.grid.tile, spec.grid.cols)});
  name_dimensions(file, data.get(), shape, {spec.dimension_names[0], spec.dimension_names[1]});
}

Index chunk_address(hid_t dataset, std::array<hsize_t, 2> element) {
  unsigned filters = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t bytes = 0;
  WIDELIMIT_H5(H5Dget_chunk_info_by_coord(dataset, element.data(), &filters, &address, &bytes));
  return static_cast<Index>(address);
}

/// Where the first chunk begins, once the others are seen to follow it in order.
Index data_offset(hid_t file, MatrixSpec const& spec) {
  DatasetHandle const data(WIDELIMIT_H5(H5Dopen2(file, spec.path.c_str(), H5P_DEFAULT)));
  TileGrid const& grid = spec.grid;
  Index const chunk_bytes =
      std::min(grid.tile, grid.rows) * std::min(grid.tile, grid.cols) * (spec.single ? 4 : 8);
  Index const first = chunk_address(data.get(), {0, 0});
  TileId const corner{grid.row_blocks() - 1, grid.col_blocks() - 1};
  Index const last =
      chunk_address(data.get(), {static_cast<hsize_t>(grid.row_range(corner).begin),
                                 static_cast<hsize_t>(grid.col_range(corner).begin)});
  if (last - first != (grid.row_blocks() * grid.col_blocks() - 1) * chunk_bytes) {
    throw Error(ExitCode::failed, spec.path + ": HDF5 has not laid its chunks out in order");
  }
  return first;
}

Index array_offset(hid_t file, std::string const& path) {
  DatasetHandle const array(WIDELIMIT_H5(H5Dopen2(file, path.c_str(), H5P_DEFAULT)));
  haddr_t const address = H5Dget_offset(array.get());
  if (address == HADDR_UNDEF) throw_hdf5_error("H5Dget_offset");
  return static_cast<Index>(address);
}

MatrixSpec read_spec(hid_t file, hid_t group) {
  MatrixSpec spec;
  spec.path = text_attribute(group, "path");
  DatasetHandle const data(WIDELIMIT_H5(H5Dopen2(file, spec.path.c_str(), H5P_DEFAULT)));
  TypeHandle const type(WIDELIMIT_H5(H5Dget_type(data.get())));
  std::vector<Index> const shape = shape_of(data.get());
  spec.grid = {shape.at(0), shape.at(1), index_attribute(group, "tile"),
               coverage_of(text_attribute(group, "coverage"))};
  spec.single = H5Tget_size(type.get()) == 4;
  spec.dimension_names = {text_attribute(group, "row_dimension"),
                          text_attribute(group, "column_dimension")};
  return spec;
}

extern "C" herr_t collect_name(hid_t, char const* name, H5L_info_t const*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

std::string checkpoint_group(std::string const& matrix_path) {
  std::string name = matrix_path.substr(matrix_path.find_first_not_of('/'));
  std::replace(name.begin(), name.end(), '/', '_');
  return "/checkpoint/" + name;
}

void make_tile_file(std::string const& name, Identity const& identity,
                    std::vector<MatrixSpec> const& specs) {
  FileHandle file = create_file(name);
  {
    GroupHandle const checkpoint = open_group(file.get(), "/checkpoint");
    set_attribute(checkpoint.get(), "input", identity.input);
    set_attribute(checkpoint.get(), "program_version", identity.program_version);
    set_attribute(checkpoint.get(), "format_version", identity.format);
  }
  for (std::size_t k = 0; k < specs.size(); ++k) {
    make_matrix(file.get(), static_cast<Index>(k), specs[k]);
  }
  file.close();
}

TileFileHeader read_header(std::string const& name) {
  FileHandle const file = open_to_read(name);
  if (!exists(file.get(), "/checkpoint")) {
    throw InputError(name +
                     ": holds no checkpoint to go on from (a finished results file has none). "
                     "Run without --resume, with --overwrite to replace the file.");
  }
  GroupHandle const checkpoint = open_group(file.get(), "/checkpoint");
  TileFileHeader header;
  header.identity = {text_attribute(checkpoint.get(), "input"),
                     text_attribute(checkpoint.get(), "program_version"),
                     text_attribute(checkpoint.get(), "format_version")};
  std::vector<std::string> names;
  WIDELIMIT_H5(
      H5Literate(checkpoint.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_name, &names));
  header.specs.resize(names.size());
  header.offsets.resize(names.size());
  for (std::string const& matrix : names) {
    GroupHandle const group = open_group(file.get(), "/checkpoint/" + matrix);
    auto const number = static_cast<std::size_t>(index_attribute(group.get(), "number"));
    MatrixSpec const spec = read_spec(file.get(), group.get());
    header.offsets.at(number) = {data_offset(file.get(), spec),
                                 array_offset(file.get(), "/checkpoint/" + matrix + "/checksum"),
                                 array_offset(file.get(), "/checkpoint/" + matrix + "/finished")};
    header.specs[number] = spec;
  }
  return header;
}

}  // namespace widelimit::io::detail
