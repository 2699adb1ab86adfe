/// \file
/// The two kinds of training programs.
#pragma once

#include "network_pass.hpp"

namespace widelimit::program::detail {

/// Names and shapes of the data of a task, declared in its program.
struct DataSet {
  Inputs inputs;
  Id targets = none;
};
struct TaskData {
  DataSet train, test;  ///< test: of no points where there are none
  Id learning_rate = none;
};
TaskData declare_data(Builder& builder, TrainingTask const& task);

/// Weights move: a finite network, or the feature-learning limit.
void write_training(Builder& builder, TrainingTask const& task, TaskData const& data,
                    Scaling const& scaling, double norm_factor, std::string const& file,
                    TrainingProgram& result);

/// The kernel regime: outputs move by a kernel computed once.
void write_kernel_training(Builder& builder, TrainingTask const& task, TaskData const& data,
                           Scaling const& scaling, std::string const& file,
                           TrainingProgram& result);

/// The value to train on in place of `whole`: itself, or a batch of it.
Id batch(Builder& builder, TrainingTask const& task, Id whole, Index columns_per_point = 1);

}  // namespace widelimit::program::detail
