/* Trigonometric functions: |x| = n pi/2 + r with |r| <= pi/4, right for arguments of every size.
 *
 * Below the limits of trig_usual.h, its functions. Float32 up to 2^20: pi/2 is subtracted in parts short enough for exact
 * products (Cody and Waite, 1980). From there on, x = M 2^e with an integer M, and M (2^e 2/pi mod 4) is x in quarter
 * turns, with the residue looked up to 82 (float32) or 212 bits (float64): the idea of M. Payne and R. Hanek, SIGNUM
 * Newsletter 18 (1983). The look-up is a gather, so that the loop stays vector code. */

//@ trig_table_f32: base
/* 2^e 2/pi mod 4, e = -3 ... 104, in parts of 29 and 53 bits; NaN for what infinities look up. */
static const double sym_turns_f32_0[109] = {
  0x1.45f306d000000p-4, 0x1.45f306d000000p-3, 0x1.45f306d000000p-2, 0x1.45f306d000000p-1,
  0x1.45f306d000000p+0, 0x1.45f306d000000p+1, 0x1.17cc1b7000000p+0, 0x1.17cc1b7000000p+1,
  0x1.7cc1b72000000p-2, 0x1.7cc1b72000000p-1, 0x1.7cc1b72000000p+0, 0x1.7cc1b72000000p+1,
  0x1.f306dc9000000p+0, 0x1.f306dc9000000p+1, 0x1.e60db93000000p+1, 0x1.cc1b727000000p+1,
  0x1.9836e4e000000p+1, 0x1.306dc9c000000p+1, 0x1.836e4e4000000p-1, 0x1.836e4e4000000p+0,
  0x1.836e4e4000000p+1, 0x1.06dc9c8000000p+1, 0x1.b727220000000p-4, 0x1.b727220000000p-3,
  0x1.b727220000000p-2, 0x1.b727220000000p-1, 0x1.b727220000000p+0, 0x1.b727220000000p+1,
  0x1.6e4e441000000p+1, 0x1.b939105000000p+0, 0x1.b939105000000p+1, 0x1.727220a000000p+1,
  0x1.c9c882a000000p+0, 0x1.c9c882a000000p+1, 0x1.9391054000000p+1, 0x1.27220a9000000p+1,
  0x1.391054a000000p-1, 0x1.391054a000000p+0, 0x1.391054a000000p+1, 0x1.c882a53000000p-1,
  0x1.c882a53000000p+0, 0x1.c882a53000000p+1, 0x1.91054a7000000p+1, 0x1.220a94f000000p+1,
  0x1.1054a7f000000p-1, 0x1.1054a7f000000p+0, 0x1.1054a7f000000p+1, 0x1.054a7f0000000p-2,
  0x1.054a7f0000000p-1, 0x1.054a7f0000000p+0, 0x1.054a7f0000000p+1, 0x1.529fc27000000p-4,
  0x1.529fc27000000p-3, 0x1.529fc27000000p-2, 0x1.529fc27000000p-1, 0x1.529fc27000000p+0,
  0x1.529fc27000000p+1, 0x1.4a7f09d000000p+0, 0x1.4a7f09d000000p+1, 0x1.29fc275000000p+0,
  0x1.29fc275000000p+1, 0x1.4fe13ab000000p-1, 0x1.4fe13ab000000p+0, 0x1.4fe13ab000000p+1,
  0x1.3f84eaf000000p+0, 0x1.3f84eaf000000p+1, 0x1.fc2757d000000p-1, 0x1.fc2757d000000p+0,
  0x1.fc2757d000000p+1, 0x1.f84eafa000000p+1, 0x1.f09d5f4000000p+1, 0x1.e13abe8000000p+1,
  0x1.c2757d1000000p+1, 0x1.84eafa3000000p+1, 0x1.09d5f47000000p+1, 0x1.3abe8fa000000p-3,
  0x1.3abe8fa000000p-2, 0x1.3abe8fa000000p-1, 0x1.3abe8fa000000p+0, 0x1.3abe8fa000000p+1,
  0x1.d5f47d4000000p-1, 0x1.d5f47d4000000p+0, 0x1.d5f47d4000000p+1, 0x1.abe8fa9000000p+1,
  0x1.57d1f53000000p+1, 0x1.5f47d4d000000p+0, 0x1.5f47d4d000000p+1, 0x1.7d1f534000000p+0,
  0x1.7d1f534000000p+1, 0x1.f47d4d3000000p+0, 0x1.f47d4d3000000p+1, 0x1.e8fa9a6000000p+1,
  0x1.d1f534d000000p+1, 0x1.a3ea69b000000p+1, 0x1.47d4d37000000p+1, 0x1.1f534dd000000p+0,
  0x1.1f534dd000000p+1, 0x1.f534ddc000000p-2, 0x1.f534ddc000000p-1, 0x1.f534ddc000000p+0,
  0x1.f534ddc000000p+1, 0x1.ea69bb8000000p+1, 0x1.d4d3770000000p+1, 0x1.a9a6ee0000000p+1,
  0x1.534ddc0000000p+1, 0x1.4d37703000000p+0, 0x1.4d37703000000p+1, 0x1.34ddc0d000000p+0,
  __builtin_nan(""),
};
static const double sym_turns_f32_1[109] = {
  0x1.9391054a7f09dp-33, 0x1.9391054a7f09dp-32, 0x1.9391054a7f09dp-31, 0x1.9391054a7f09dp-30,
  0x1.9391054a7f09dp-29, 0x1.9391054a7f09dp-28, 0x1.391054a7f09d5p-31, 0x1.391054a7f09d5p-30,
  0x1.c882a53f84eafp-32, 0x1.c882a53f84eafp-31, 0x1.c882a53f84eafp-30, 0x1.c882a53f84eafp-29,
  0x1.91054a7f09d5fp-29, 0x1.91054a7f09d5fp-28, 0x1.220a94fe13abep-28, 0x1.1054a7f09d5f4p-30,
  0x1.1054a7f09d5f4p-29, 0x1.1054a7f09d5f4p-28, 0x1.054a7f09d5f47p-31, 0x1.054a7f09d5f47p-30,
  0x1.054a7f09d5f47p-29, 0x1.054a7f09d5f47p-28, 0x1.529fc2757d1f5p-33, 0x1.529fc2757d1f5p-32,
  0x1.529fc2757d1f5p-31, 0x1.529fc2757d1f5p-30, 0x1.529fc2757d1f5p-29, 0x1.529fc2757d1f5p-28,
  0x1.4a7f09d5f47d4p-29, 0x1.29fc2757d1f53p-30, 0x1.29fc2757d1f53p-29, 0x1.29fc2757d1f53p-28,
  0x1.4fe13abe8fa9ap-30, 0x1.4fe13abe8fa9ap-29, 0x1.4fe13abe8fa9ap-28, 0x1.3f84eafa3ea69p-29,
  0x1.fc2757d1f534dp-31, 0x1.fc2757d1f534dp-30, 0x1.fc2757d1f534dp-29, 0x1.f09d5f47d4d37p-30,
  0x1.f09d5f47d4d37p-29, 0x1.f09d5f47d4d37p-28, 0x1.e13abe8fa9a6ep-28, 0x1.c2757d1f534ddp-28,
  0x1.3abe8fa9a6ee0p-34, 0x1.3abe8fa9a6ee0p-33, 0x1.3abe8fa9a6ee0p-32, 0x1.3abe8fa9a6ee0p-31,
  0x1.3abe8fa9a6ee0p-30, 0x1.3abe8fa9a6ee0p-29, 0x1.3abe8fa9a6ee0p-28, 0x1.5f47d4d377036p-34,
  0x1.5f47d4d377036p-33, 0x1.5f47d4d377036p-32, 0x1.5f47d4d377036p-31, 0x1.5f47d4d377036p-30,
  0x1.5f47d4d377036p-29, 0x1.7d1f534ddc0dbp-30, 0x1.7d1f534ddc0dbp-29, 0x1.f47d4d377036dp-30,
  0x1.f47d4d377036dp-29, 0x1.d1f534ddc0db6p-30, 0x1.d1f534ddc0db6p-29, 0x1.d1f534ddc0db6p-28,
  0x1.47d4d377036d8p-29, 0x1.47d4d377036d8p-28, 0x1.f534ddc0db629p-33, 0x1.f534ddc0db629p-32,
  0x1.f534ddc0db629p-31, 0x1.f534ddc0db629p-30, 0x1.f534ddc0db629p-29, 0x1.f534ddc0db629p-28,
  0x1.ea69bb81b6c52p-28, 0x1.d4d377036d8a5p-28, 0x1.a9a6ee06db14ap-28, 0x1.34ddc0db62959p-32,
  0x1.34ddc0db62959p-31, 0x1.34ddc0db62959p-30, 0x1.34ddc0db62959p-29, 0x1.34ddc0db62959p-28,
  0x1.a6ee06db14accp-30, 0x1.a6ee06db14accp-29, 0x1.a6ee06db14accp-28, 0x1.4ddc0db629599p-28,
  0x1.377036d8a5664p-29, 0x1.bb81b6c52b327p-31, 0x1.bb81b6c52b327p-30, 0x1.bb81b6c52b327p-29,
  0x1.bb81b6c52b327p-28, 0x1.dc0db6295993cp-30, 0x1.dc0db6295993cp-29, 0x1.dc0db6295993cp-28,
  0x1.b81b6c52b3278p-28, 0x1.7036d8a5664f1p-28, 0x1.c0db6295993c4p-29, 0x1.81b6c52b32788p-29,
  0x1.81b6c52b32788p-28, 0x1.b6c52b3278872p-35, 0x1.b6c52b3278872p-34, 0x1.b6c52b3278872p-33,
  0x1.b6c52b3278872p-32, 0x1.b6c52b3278872p-31, 0x1.b6c52b3278872p-30, 0x1.b6c52b3278872p-29,
  0x1.b6c52b3278872p-28, 0x1.b6295993c4390p-30, 0x1.b6295993c4390p-29, 0x1.6c52b32788720p-29,
  __builtin_nan(""),
};

//@ trig_table_f64: base
/* 2^e 2/pi mod 4, e = -32, -16 ... 960, in four parts of 53 bits. */
static const double sym_turns_f64_0[63] = {
  0x1.45f306dc9c882p-33, 0x1.45f306dc9c882p-17, 0x1.45f306dc9c882p-1, 0x1.836e4e441529fp+0,
  0x1.27220a94fe13ap+1, 0x1.529fc2757d1f5p-4, 0x1.fc2757d1f534dp+0, 0x1.abe8fa9a6ee06p+1,
  0x1.f534ddc0db629p+0, 0x1.bb81b6c52b327p-1, 0x1.b6c52b3278872p-1, 0x1.4acc9e21c820fp+1,
  0x1.3c439041fe516p+0, 0x1.c820ff28b1d5ep+1, 0x1.fe5163abdebbcp+0, 0x1.63abdebbc561bp+0,
  0x1.ef5de2b0db923p+1, 0x1.e2b0db92371d2p+1, 0x1.b7246e3a424ddp+0, 0x1.b8e909374b801p-2,
  0x1.2126e97003249p+1, 0x1.d2e006492eea0p+0, 0x1.924bba8274648p-6, 0x1.2eea09d1921cfp+0,
  0x1.04e8c90e7f0efp+1, 0x1.921cfe1deb1cbp+0, 0x1.fc3bd63962534p-1, 0x1.eb1cb129a73eep+0,
  0x1.62534e7dd1046p-1, 0x1.a73ee88235f52p+0, 0x1.74411afa975dap+1, 0x1.1afa975da2427p+1,
  0x1.2ebb4484e99c7p+0, 0x1.a24274ce38135p+1, 0x1.d338e04d68befp-1, 0x1.c09ad17df904ep-2,
  0x1.5a2fbf209cc8ep+1, 0x1.bf209cc8eb1ccp+1, 0x1.3991d63983533p+0, 0x1.d639835339f49p+0,
  0x1.835339f49c845p+0, 0x1.9cfa4e422fc5dp+1, 0x1.3908bf177bf25p-1, 0x1.7e2ef7e4a0ec7p-2,
  0x1.defc941d8ffc4p+1, 0x1.283b1ff897ffdp+0, 0x1.8ffc4bffef02cp+1, 0x1.2fffbc0b301fdp-1,
  0x1.ef02cc07f7978p+1, 0x1.980fef2f118b5p+0, 0x1.f79788c5ad053p+1, 0x1.88c5ad05368fbp+1,
  0x1.ad05368fb69b3p+1, 0x1.368fb69b3f679p+1, 0x1.b69b3f6793e58p+1, 0x1.3f6793e584dbap+1,
  0x1.93e584dba7a31p+1, 0x1.84dba7a31fb34p+1, 0x1.a7a31fb34f2ffp+1, 0x1.1fb34f2ff516bp+1,
  0x1.4f2ff516ba93dp+1, 0x1.f516ba93dd63fp+1, 0x1.7527bac7ebe5fp+0,
};
static const double sym_turns_f64_1[63] = {
  0x1.4a7f09d5f47d4p-86, 0x1.4a7f09d5f47d4p-70, 0x1.4a7f09d5f47d4p-54, 0x1.84eafa3ea69bbp-53,
  0x1.7d1f534ddc0dbp-52, 0x1.a6ee06db14accp-59, 0x1.b81b6c52b3278p-53, 0x1.b6295993c4390p-52,
  0x1.664f10e4107f9p-54, 0x1.10e4107f9458ep-54, 0x1.07f9458eaf7aep-58, 0x1.e5163abdebbc5p-52,
  0x1.d5ef5de2b0db9p-55, 0x1.ebbc561b7246ep-52, 0x1.586dc91b8e909p-54, 0x1.c91b8e909374bp-54,
  0x1.c74849ba5c00cp-53, 0x1.26e9700324977p-55, 0x1.700324977504ep-55, 0x1.24977504e8c90p-55,
  0x1.dd413a32439fcp-53, 0x1.3a32439fc3bd6p-53, 0x1.cfe1deb1cb129p-60, 0x1.c3bd63962534ep-53,
  0x1.63962534e7dd1p-53, 0x1.29a73ee88235fp-56, 0x1.cfba208d7d4bap-54, 0x1.1046bea5d7689p-53,
  0x1.7d4baed1213a6p-54, 0x1.d768909d338e0p-53, 0x1.213a671c09ad1p-54, 0x1.338e04d68befcp-53,
  0x1.35a2fbf209cc8p-59, 0x1.45f7e413991d6p-52, 0x1.904e64758e60dp-54, 0x1.91d639835339fp-56,
  0x1.639835339f49cp-52, 0x1.a99cfa4e422fcp-55, 0x1.3e93908bf177bp-53, 0x1.908bf177bf250p-53,
  0x1.f177bf250763fp-53, 0x1.df9283b1ff897p-52, 0x1.d8ffc4bffef02p-59, 0x1.fc4bffef02cc0p-55,
  0x1.7ffde05980fefp-52, 0x1.c0b301fde5e23p-53, 0x1.80fef2f118b5ap-52, 0x1.cbc462d6829b4p-54,
  0x1.18b5a0a6d1f6dp-52, 0x1.414da3eda6cfdp-53, 0x1.a3eda6cfd9e4fp-53, 0x1.a6cfd9e4f9613p-53,
  0x1.ecf27cb09b74fp-52, 0x1.f2c26dd3d18fdp-54, 0x1.36e9e8c7ecd3cp-53, 0x1.e8c7ecd3cbfd4p-53,
  0x1.f669e5fea2d75p-52, 0x1.e5fea2d7527bap-52, 0x1.45aea4f758fd7p-53, 0x1.527bac7ebe5f1p-52,
  0x1.ac7ebe5f17b3dp-52, 0x1.7cbe2f67a0e73p-53, 0x1.7b3d0739f78a5p-56,
};
static const double sym_turns_f64_2[63] = {
  0x1.a6ee06db14accp-139, 0x1.a6ee06db14accp-123, 0x1.a6ee06db14accp-107, 0x1.036d8a5664f10p-106,
  0x1.8a5664f10e410p-106, 0x1.3c439041fe516p-112, 0x1.0e4107f9458eap-106, 0x1.07f9458eaf7aep-106,
  0x1.163abdebbc561p-108, 0x1.5ef5de2b0db92p-107, 0x1.e2b0db92371d2p-111, 0x1.86dc91b8e9093p-106,
  0x1.1b8e909374b80p-110, 0x1.d2126e9700324p-107, 0x1.ba5c00c925dd4p-109, 0x1.00324977504e8p-107,
  0x1.24bba82746487p-106, 0x1.413a32439fc3bp-109, 0x1.1921cfe1deb1cp-108, 0x1.cfe1deb1cb129p-108,
  0x1.deb1cb129a73ep-108, 0x1.cb129a73ee882p-108, 0x1.4e7dd1046bea5p-113, 0x1.f74411afa975dp-107,
  0x1.1afa975da2427p-111, 0x1.4baed1213a671p-110, 0x1.da24274ce3813p-107, 0x1.3a671c09ad17dp-110,
  0x1.c7026b45f7e41p-108, 0x1.35a2fbf209cc8p-107, 0x1.f7e413991d639p-108, 0x1.04e64758e60d4p-106,
  0x1.d639835339f49p-112, 0x1.cc1a99cfa4e42p-107, 0x1.339f49c845f8bp-108, 0x1.272117e2ef7e4p-110,
  0x1.08bf177bf2507p-105, 0x1.77bf250763ff1p-109, 0x1.e4a0ec7fe25ffp-106, 0x1.d8ffc4bffef02p-107,
  0x1.e25fff7816603p-106, 0x1.ffbc0b301fde5p-105, 0x1.980fef2f118b5p-112, 0x1.fde5e2316b414p-109,
  0x1.788c5ad05368fp-107, 0x1.6b414da3eda6cp-109, 0x1.4da3eda6cfd9ep-109, 0x1.f6d367ecf27cbp-108,
  0x1.b3f6793e584dbp-107, 0x1.3c9f2c26dd3d1p-106, 0x1.2c26dd3d18fd9p-106, 0x1.ba7a31fb34f2fp-107,
  0x1.18fd9a797fa8bp-106, 0x1.34f2ff516ba93p-107, 0x1.7fa8b5d49eeb1p-106, 0x1.6ba93dd63f5f2p-107,
  0x1.3dd63f5f2f8bdp-107, 0x1.8fd7cbe2f67a0p-105, 0x1.97c5ecf41ce7dp-106, 0x1.ecf41ce7de294p-106,
  0x1.ce7de294a4ba9p-110, 0x1.de294a4ba9afep-106, 0x1.497535fdafd88p-111,
};
static const double sym_turns_f64_3[63] = {
  0x1.3c439041fe516p-192, 0x1.3c439041fe516p-176, 0x1.3c439041fe516p-160, 0x1.c820ff28b1d5ep-159,
  0x1.fe5163abdebbcp-160, 0x1.d5ef5de2b0db9p-167, 0x1.ef5de2b0db923p-159, 0x1.e2b0db92371d2p-159,
  0x1.6e48dc74849bap-161, 0x1.b8e909374b801p-162, 0x1.26e9700324977p-167, 0x1.d2e006492eea0p-160,
  0x1.924bba8274648p-166, 0x1.2eea09d1921cfp-160, 0x1.3a32439fc3bd6p-165, 0x1.921cfe1deb1cbp-160,
  0x1.fc3bd63962534p-161, 0x1.ac72c4a69cfbap-162, 0x1.62534e7dd1046p-161, 0x1.4e7dd1046bea5p-161,
  0x1.d1046bea5d768p-161, 0x1.afa975da24274p-163, 0x1.aed1213a671c0p-166, 0x1.4484e99c7026bp-160,
  0x1.338e04d68befcp-165, 0x1.8135a2fbf209cp-163, 0x1.68befc827323ap-161, 0x1.f209cc8eb1cc1p-163,
  0x1.cc8eb1cc1a99cp-163, 0x1.d639835339f49p-160, 0x1.06a673e93908bp-161, 0x1.9cfa4e422fc5dp-159,
  0x1.908bf177bf250p-165, 0x1.7e2ef7e4a0ec7p-162, 0x1.7bf250763ff12p-161, 0x1.41d8ffc4bffefp-163,
  0x1.8ffc4bffef02cp-159, 0x1.7ffde05980fefp-164, 0x1.ef02cc07f7978p-159, 0x1.980fef2f118b5p-160,
  0x1.f79788c5ad053p-159, 0x1.c462d6829b47dp-158, 0x1.414da3eda6cfdp-165, 0x1.b47db4d9fb3c9p-162,
  0x1.6d367ecf27cb0p-160, 0x1.fb3c9f2c26dd3p-162, 0x1.3e584dba7a31fp-163, 0x1.36e9e8c7ecd3cp-165,
  0x1.4f463f669e5fep-160, 0x1.1fb34f2ff516bp-159, 0x1.4f2ff516ba93dp-159, 0x1.ea2d7527bac7ep-160,
  0x1.7527bac7ebe5fp-160, 0x1.bac7ebe5f17b3p-160, 0x1.f5f2f8bd9e839p-159, 0x1.f17b3d0739f78p-160,
  0x1.3d0739f78a529p-160, 0x1.ce7de294a4ba9p-158, 0x1.c529497535fdap-159, 0x1.497535fdafd88p-159,
  0x1.5fdafd88fc6aep-163, 0x1.afd88fc6ae842p-159, 0x1.f8d5d08560330p-164,
};

//@ select_f64: base
/* mask ? a : b with a mask of all bits or none. With ?: the compiler would move the look-ups of one side into a branch, and
 * without masked gathers lose the loop. */
SYM_FN double sym_select_f64(sym_u64 mask, double a, double b) {
  return sym_double_of((sym_bits_f64(a) & mask) | (sym_bits_f64(b) & ~mask));
}

//@ select_f32: base
/* As below. */
SYM_FN float sym_select_f32(sym_u32 mask, float a, float b) {
  return sym_float_of((sym_bits_f32(a) & mask) | (sym_bits_f32(b) & ~mask));
}

//@ trig_reduce_f32: trig_table_f32 select_f64
/* r as a float64, for float32 needs no pair; the quadrant is in the low two bits of *quadrant. */
SYM_FN double sym_trig_reduce_f32(float x, sym_u64 *quadrant) {
  double a = (double)sym_abs_f32(x);
  sym_u64 bits = sym_bits_f64(a);
  sym_u64 big = a < 1048576.0 ? 0u : ~0ull;
  sym_u64 row = a < __builtin_inf() ? ((bits >> 52) - 1043u) & big : 108u;
  double m = sym_double_of((bits & 0x000fffffffffffffull) | 0x4160000000000000ull);
  double v = m * sym_turns_f32_0[row], low = m * sym_turns_f32_1[row];
  double t = sym_select_f64(big, v + low, a * 0.6366197723675814) + SYM_ROUND_F64, n = t - SYM_ROUND_F64;
  *quadrant = sym_bits_f64(t);
  double small = SYM_FMA(n, -6.077100506506192e-11, SYM_FMA(n, -1.5707963267341256, a));
  return sym_select_f64(big, ((v - n) + low) * 1.5707963267948966, small);
}

//@ trig_poly_f32: base
/* sin and cos of r + low */
SYM_FN float sym_sin_poly_f32(float r, float low) {
  float z = r * r, q = SYM_FMAF(2.83725876e-06f, z, -0.000198534966f);
  q = SYM_FMAF(SYM_FMAF(q, z, 0.00833338033f), z, -0.166666672f);
  return r + SYM_FMAF(q * z, r, low);
}
SYM_FN float sym_cos_poly_f32(float r, float low) {
  float z = r * r, q = SYM_FMAF(-2.89728206e-07f, z, 2.48229571e-05f), h = 0.5f * z, one = 1.0f - h;
  q = SYM_FMAF(SYM_FMAF(q, z, -0.00138889824f), z, 0.0416666679f);
  return one + (((1.0f - one) - h) + SYM_FMAF(q, z * z, -r * low));
}
/* sin(r + quadrant pi/2) */
SYM_FN float sym_sin_quadrant_f32(double r, sym_u32 quadrant) {
  float high = (float)r, low = (float)(r - (double)high);
  float y = quadrant & 1u ? sym_cos_poly_f32(high, low) : sym_sin_poly_f32(high, low);
  return sym_float_of(sym_bits_f32(y) ^ (quadrant & 2u) << 30);
}

//@ trig_reduce_f64: trig_table_f64 select_f64 two_prod two_sum sym_rint_f64
/* a = m 2^e >= 2^20, with m whole, of up to 68 bits. Every sum that matters keeps what it loses, for up to
 * 62 bits may cancel. The largest product is a whole multiple of 4 or is reduced exactly. */
SYM_FN double sym_trig_big_f64(double a, sym_u64 row, double *low, double *turned) {
  double m = a * sym_double_of((1055u - 16u * row) << 52), e1, e2, e3, s1, s2, s3, s4, s5, s6;
  double p1 = sym_two_prod(m, sym_turns_f64_0[row], &e1), p2 = sym_two_prod(m, sym_turns_f64_1[row], &e2);
  double p3 = sym_two_prod(m, sym_turns_f64_2[row], &e3), p4 = m * sym_turns_f64_3[row];
  double f = sym_two_sum(e1, p2, &s1);
  f = sym_two_sum(f, p1 - 4.0 * sym_rint_f64(0.25 * p1), &s2);
  *turned = f + SYM_ROUND_F64;
  f -= *turned - SYM_ROUND_F64;
  double g = sym_two_sum(s1, s2, &s3), h = sym_two_sum(e2, p3, &s4);
  g = sym_two_sum(g, h, &s5);
  f = sym_two_sum(f, g, &s6);
  double rest = s6 + (s5 + (s3 + s4) + (e3 + p4)), error, r = sym_two_prod(f, 1.5707963267948966, &error);
  rest = error + SYM_FMA(f, 6.123233995736766e-17, rest * 1.5707963267948966);
  double sum = r + rest;
  *low = (r - sum) + rest;
  return sum;
}
/* r + *low for |x| >= 2^20; anything below. */
SYM_FN double sym_trig_reduce_f64(double x, double *low, sym_u64 *quadrant) {
  double a = sym_abs_f64(x), turned;
  sym_u64 big = a < 1048576.0 ? 0u : ~0ull, row = (((sym_bits_f64(a) >> 52) - 1043u) >> 4) & big;
  double r = sym_trig_big_f64(a, row, low, &turned);
  *quadrant = sym_bits_f64(turned);
  return r;
}

//@ odd: base
/* All bits where n is odd. gcc 13 and later see through the shorter forms to a boolean, of which they make no vectors. */
SYM_FN sym_u64 sym_odd(sym_u64 n) { return sym_double_of((n & 1u) << 62) > 1.0 ? ~0ull : 0u; }

//@ trig_poly_f64: base odd
/* sin and cos of r + low */
SYM_FN double sym_sin_poly_f64(double r, double low) {
  double z = r * r, w = z * z;
  double a = SYM_FMA(-0.00019841269840950235, z, 0.0083333333333330348);
  double b = SYM_FMA(-2.5052068689759996e-08, z, 2.7557319066275037e-06);
  double c = SYM_FMA(-7.3738125244579631e-13, z, 1.6054008290987544e-10);
  double q = SYM_FMA(SYM_FMA(c, w, b), w, a) * z;
  return r + SYM_FMA(z * r, q - 0.16666666666666666, SYM_FMA(-0.5 * z, low, low));
}
SYM_FN double sym_cos_poly_f64(double r, double low) {
  double z = r * r, w = z * z, h = 0.5 * z, one = 1.0 - h;
  double a = SYM_FMA(-0.0013888888888888332, z, 0.041666666666666664);
  double b = SYM_FMA(-2.7557319019686846e-07, z, 2.4801587301102562e-05);
  double c = SYM_FMA(-1.1465629239058175e-11, z, 2.0876711761216565e-09);
  double q = SYM_FMA(SYM_FMA(SYM_FMA(4.5352596402401315e-14, w, c), w, b), w, a);
  return one + (((1.0 - one) - h) + SYM_FMA(q, w, -r * low));
}
SYM_FN double sym_sin_quadrant_f64(double r, double low, sym_u64 quadrant) {
  double y = sym_select_f64(sym_odd(quadrant), sym_cos_poly_f64(r, low), sym_sin_poly_f64(r, low));
  return sym_double_of(sym_bits_f64(y) ^ (quadrant & 2u) << 62);
}

//@ trig_far_f32: trig_reduce_f32 trig_poly_f32 select_f32
SYM_FN float sym_sin_far_f32(float x) {
  sym_u64 quadrant;
  double r = sym_trig_reduce_f32(x, &quadrant);
  float y = sym_sin_quadrant_f32(r, (sym_u32)quadrant);
  return sym_float_of(sym_bits_f32(y) ^ (sym_bits_f32(x) & 0x80000000u));
}

SYM_FN float sym_cos_far_f32(float x) {
  sym_u64 quadrant;
  double r = sym_trig_reduce_f32(x, &quadrant);
  return sym_sin_quadrant_f32(r, (sym_u32)quadrant + 1u);
}

SYM_FN float sym_tan_far_f32(float x) {
  sym_u64 quadrant;
  double r = sym_trig_reduce_f32(x, &quadrant);
  float high = (float)r, low = (float)(r - (double)high);
  float s = sym_sin_poly_f32(high, low), c = sym_cos_poly_f32(high, low);
  float y = ((sym_u32)quadrant & 1u ? -c : s) / ((sym_u32)quadrant & 1u ? s : c);
  return sym_float_of(sym_bits_f32(y) ^ (sym_bits_f32(x) & 0x80000000u));
}

//@ trig_far_f64: trig_reduce_f64 trig_poly_f64 select_f64
SYM_FN double sym_sin_far_f64(double x) {
  sym_u64 quadrant;
  double low, r = sym_trig_reduce_f64(x, &low, &quadrant);
  double y = sym_sin_quadrant_f64(r, low, quadrant);
  return sym_double_of(sym_bits_f64(y) ^ (sym_bits_f64(x) & 0x8000000000000000ull));
}

SYM_FN double sym_cos_far_f64(double x) {
  sym_u64 quadrant;
  double low, r = sym_trig_reduce_f64(x, &low, &quadrant);
  return sym_sin_quadrant_f64(r, low, quadrant + 1u);
}

SYM_FN double sym_tan_far_f64(double x) {
  sym_u64 quadrant;
  double low, r = sym_trig_reduce_f64(x, &low, &quadrant), s = sym_sin_poly_f64(r, low), c = sym_cos_poly_f64(r, low);
  sym_u64 odd = sym_odd(quadrant);
  double y = sym_select_f64(odd, -c, s) / sym_select_f64(odd, s, c);
  return sym_double_of(sym_bits_f64(y) ^ (sym_bits_f64(x) & 0x8000000000000000ull));
}

//@ trig_choice: base
/* The form for usual arguments, and for the others the other one. */
#define SYM_TRIG(name, kind, type, word) \
  SYM_FN type sym_##name##_##kind(type x) { \
    word unusual = 0; \
    type y = sym_##name##_usual_##kind(&unusual, x); \
    return sym_select_##kind(-unusual, sym_##name##_far_##kind(x), y); \
  }

//@ sym_sin_f32: trig_choice sym_sin_usual_f32 trig_far_f32
SYM_TRIG(sin, f32, float, sym_u32)
//@ sym_cos_f32: trig_choice sym_cos_usual_f32 trig_far_f32
SYM_TRIG(cos, f32, float, sym_u32)
//@ sym_tan_f32: trig_choice sym_tan_usual_f32 trig_far_f32
SYM_TRIG(tan, f32, float, sym_u32)
//@ sym_sin_f64: trig_choice sym_sin_usual_f64 trig_far_f64
SYM_TRIG(sin, f64, double, sym_u64)
//@ sym_cos_f64: trig_choice sym_cos_usual_f64 trig_far_f64
SYM_TRIG(cos, f64, double, sym_u64)
//@ sym_tan_f64: trig_choice sym_tan_usual_f64 trig_far_f64
SYM_TRIG(tan, f64, double, sym_u64)
