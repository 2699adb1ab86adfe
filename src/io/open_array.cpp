#include "io/detail/open_array.hpp"

#include <string>
#include <utility>

#include "widelimit/io/file.hpp"

#include "io/detail/names.hpp"

namespace widelimit::io::detail {
namespace {

DatasetHandle open_dataset(hid_t file, Source const& source) {
  bool const found = !source.dataset.empty() && exists(file, source.dataset);
  if (found) {
    ObjectHandle const object(WIDELIMIT_H5(H5Oopen(file, source.dataset.c_str(), H5P_DEFAULT)));
    if (H5Iget_type(object.get()) == H5I_DATASET) {
      return DatasetHandle(WIDELIMIT_H5(H5Dopen2(file, source.dataset.c_str(), H5P_DEFAULT)));
    }
  }
  std::vector<std::string> const paths = dataset_paths(file);
  std::string text = source.file + (found ? ": " + source.dataset + " is a group, not a data set."
                                          : " has no data set " + source.dataset + ".");
  std::string const nearest = nearest_name(source.dataset, paths);
  if (!nearest.empty()) text += " Did you mean " + nearest + "?";
  text +=
      paths.empty() ? " The file holds no data sets." : " It holds " + list_names(paths, 20) + ".";
  throw InputError(source.where, text);
}

}  // namespace

std::string shape_text(std::vector<Index> const& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

OpenArray::OpenArray(Source const& source)
    : source_(source),
      file_(open_to_read(source.file, source.where)),
      dataset_(open_dataset(file_.get(), source)) {
  TypeHandle const type(WIDELIMIT_H5(H5Dget_type(dataset_.get())));
  H5T_class_t const kind = H5Tget_class(type.get());
  // Booleans of h5py are an enumeration of integers.
  info_.integer = kind == H5T_INTEGER || kind == H5T_ENUM;
  if (!info_.integer && kind != H5T_FLOAT) {
    throw InputError(source.where, label() + " holds no numbers (its type is " +
                                       type_name(type.get()) +
                                       "); integers or floating-point numbers are needed.");
  }
  info_.shape = shape_of(dataset_.get());
  if (info_.shape.empty()) {
    throw InputError(source.where, label() + " is a single number; an array is needed.");
  }
  if (info_.shape.front() == 0 || info_.row_size() == 0) {
    throw InputError(source.where,
                     label() + " is empty: its shape is " + shape_text(info_.shape) + ".");
  }
  select_rows(info_.shape.front());
}

void OpenArray::select_rows(Index rows_in_file) {
  if (source_.rows) {
    Range const rows = *source_.rows;
    if (rows.begin < 0 || rows.end > rows_in_file || rows.begin >= rows.end) {
      throw InputError(
          source_.rows_where,
          "rows [" + std::to_string(rows.begin) + ", " + std::to_string(rows.end) +
              "] are not in " + label() + ", which has " + std::to_string(rows_in_file) +
              "; give [begin, end] with 0 <= begin < end <= " + std::to_string(rows_in_file) + ".");
    }
    first_ = rows.begin;
    info_.shape.front() = rows.size();
  } else if (!source_.rows_dataset.empty()) {
    Source const list{source_.file, source_.rows_dataset, source_.rows_where, {}, {}, {}};
    OpenArray const rows(list);
    if (rows.info().shape.size() != 1 || !rows.info().integer) {
      throw InputError(source_.rows_where, rows.label() +
                                               " should be a list of row numbers: integers of "
                                               "shape [number of rows]; its shape is " +
                                               shape_text(rows.info().shape) + ".");
    }
    listed_.resize(static_cast<std::size_t>(rows.info().rows()));
    rows.read({0, rows.info().rows()}, H5T_NATIVE_INT64, listed_.data());
    for (std::size_t i = 0; i < listed_.size(); ++i) {
      if (listed_[i] >= 0 && listed_[i] < rows_in_file) continue;
      throw InputError(source_.rows_where, rows.label() + ": entry " + std::to_string(i) + " is " +
                                               std::to_string(listed_[i]) + ", but " +
                                               source_.dataset + " has rows 0 to " +
                                               std::to_string(rows_in_file - 1) + ".");
    }
    info_.shape.front() = static_cast<Index>(listed_.size());
  }
}

Index OpenArray::file_row(Index row) const {
  return listed_.empty() ? first_ + row : listed_[static_cast<std::size_t>(row)];
}

void OpenArray::read(Range file_rows, hid_t memory_type, void* to) const {
  std::vector<hsize_t> start(info_.shape.size(), 0);
  std::vector<hsize_t> count(info_.shape.begin(), info_.shape.end());
  start[0] = static_cast<hsize_t>(file_rows.begin);
  count[0] = static_cast<hsize_t>(file_rows.size());
  SpaceHandle const file_space(WIDELIMIT_H5(H5Dget_space(dataset_.get())));
  WIDELIMIT_H5(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr,
                                   count.data(), nullptr));
  SpaceHandle const memory_space(
      WIDELIMIT_H5(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr)));
  try {
    WIDELIMIT_H5(H5Dread(dataset_.get(), memory_type, memory_space.get(), file_space.get(),
                         H5P_DEFAULT, to));
  } catch (Hdf5Error const& e) {
    throw InputError(source_.where, label() +
                                        " cannot be read; is the file damaged, or does it need a "
                                        "compression filter that is not installed? (HDF5: " +
                                        e.reason() + ")");
  }
}

}  // namespace widelimit::io::detail
