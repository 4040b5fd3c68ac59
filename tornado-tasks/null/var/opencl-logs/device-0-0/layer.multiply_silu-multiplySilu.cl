#pragma OPENCL EXTENSION cl_khr_fp64 : enable  
#pragma OPENCL EXTENSION cl_khr_fp16 : enable  
#pragma OPENCL EXTENSION cl_khr_int64_base_atomics : enable  
__kernel void multiplySilu(__global long *_kernel_context, __constant uchar *_constant_region, __local uchar *_local_region, __global int *_atomics, __global uchar *control, __global uchar *up, __global uchar *gate, __private int width)
{
  int i_5, i_4, i_7, i_23, i_6, i_9, i_8, i_10; 
  float f_17, f_18, f_15, f_21, f_22, f_19, f_20; 
  long l_11, l_12, l_13; 
  ulong ul_0, ul_16, ul_14, ul_3, ul_2, ul_1; 

  // BLOCK 0
  ul_0  =  (ulong) control;
  ul_1  =  (ulong) up;
  ul_2  =  (ulong) gate;
  ul_3  =  ul_0 + 16L;
  i_4  =  *((__global int *) ul_3);
  i_5  =  i_4 << 6;
  i_6  =  i_4 << 5;
  i_7  =  i_5 + i_6;
  i_8  =  get_global_size(0);
  i_9  =  get_global_id(0);
  // BLOCK 1 MERGES [0 2 ]
  i_10  =  i_9;
  for(;i_10 < i_7;)
  {
    // BLOCK 2
    l_11  =  (long) i_10;
    l_12  =  l_11 + 4L;
    l_13  =  l_12 << 2;
    ul_14  =  ul_2 + l_13;
    f_15  =  *((__global float *) ul_14);
    ul_16  =  ul_1 + l_13;
    f_17  =  *((__global float *) ul_16);
    f_18  =  -f_15;
    f_19  =  exp(f_18);
    f_20  =  f_19 + 1.0F;
    f_21  =  f_15 / f_20;
    f_22  =  f_21 * f_17;
    *((__global float *) ul_14)  =  f_22;
    i_23  =  i_8 + i_10;
    i_10  =  i_23;
  }  // B1
  // BLOCK 3
  return;
}  //  kernel
