# Installs the build in BUILD_DIR to a fresh prefix below WORK_DIR, builds the project CONSUMER_DIR against it with
# GENERATOR, COMPILERS (C and C++) and LAUNCHER, and runs it and the installed program with RUN (the start of a command).
file(REMOVE_RECURSE ${WORK_DIR})
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

list(GET COMPILERS 0 c_compiler)
list(GET COMPILERS 1 cxx_compiler)
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} -S ${CONSUMER_DIR} -B ${WORK_DIR}/build -G ${GENERATOR} -D CMAKE_PREFIX_PATH=${WORK_DIR}/prefix
    -D CMAKE_C_COMPILER=${c_compiler} -D CMAKE_CXX_COMPILER=${cxx_compiler} -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${RUN} ${WORK_DIR}/build/consumer)
run(${RUN} ${WORK_DIR}/prefix/bin/widelimit --version)
