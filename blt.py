import sys,time,ctypes,glob,resource
import numpy, importlib.util, json,os
cpu=lambda: time.process_time()
t=cpu()
if sys.argv[1]=="cdll":
    f=glob.glob("/work/main/.venv/lib/python3.11/site-packages/scipy.libs/libscipy_openblas*.so")
    l=ctypes.CDLL(f[0]); 
    a=[ctypes.cast(getattr(l,"scipy_"+n+"_"),ctypes.c_void_p).value for n in ("sgemm","dgemm")]
else:
    from symcodegen import blas
    t=cpu()
    blas.pointers()
print(1e3*(cpu()-t))
