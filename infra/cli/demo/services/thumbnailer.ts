import { parseCallTree } from '../call-tree.ts'
import { KERNEL_TREES } from './kernel.ts'

/** An image service in C++: decodes, scales and encodes JPEG files. */
export const THUMBNAILER = parseCallTree(
  `
_start  @thumbnailer
  __libc_start_main@@GLIBC_2.34  @libc.so.6
    main  @thumbnailer  main.cpp
      Server::acceptLoop()  2  server.cpp
        epoll_wait  @libc.so.6
          +epoll  14
start_thread  @libc.so.6
  std::thread::_State_impl<std::_Invoker<std::tuple<Worker::Worker(Queue&)::{lambda()#1}>>>::_M_run()  @thumbnailer  worker.cpp
    Worker::run()  3
      Queue::pop()  2  queue.cpp
        pthread_cond_wait  @libc.so.6
          +futex  12
      Worker::makeThumbnail(Job const&)  4  worker.cpp
        readFile(std::filesystem::path const&)  2  io.cpp
          pread64  @libc.so.6
            +file_read  48
          std::vector<unsigned char>::resize(unsigned long)  1  @thumbnailer
            memset_avx2_unaligned_erms  4  @libc.so.6
              +page_fault  31
        decodeJpeg(std::span<unsigned char const>)  3  jpeg.cpp
          jpeg_read_header  4  @libjpeg.so.62
            jpeg_consume_input  3
          jpeg_read_scanlines  2
            process_data_context_main  5
              decompress_onepass  12
                decode_mcu  9
                  decode_mcu_fast  118
                jsimd_idct_islow  2
                  jsimd_idct_islow_avx2  74
              sep_upsample  4
                h2v2_fancy_upsample  1
                  jsimd_h2v2_fancy_upsample_avx2  39
                ycc_rgb_convert  1
                  jsimd_ycc_rgb_convert_avx2  33
        scale(Image const&, int, int)  6  scale.cpp
          Lanczos::horizontal(float const*, int, float*)  88
          Lanczos::vertical(float const*, int, float*)  63
          Lanczos::weights(double, int)  7
            sinf  6  @libm.so.6
          Image::Image(int, int)  1  image.cpp
            operator new(unsigned long)  1  @libstdc++.so.6
              malloc  4  @libc.so.6
                +page_fault  17
        sharpen(Image&, float)  29  sharpen.cpp
        encodeJpeg(Image const&, int)  3  jpeg.cpp
          jpeg_write_scanlines  1  @libjpeg.so.62
            process_data_simple_main  2
              compress_data  6
                forward_DCT  8
                  jsimd_fdct_islow_avx2  28
                  jsimd_quantize_avx2  9
                encode_mcu_huff  36
        Uploader::put(std::string const&, std::span<unsigned char const>)  3  upload.cpp
          SSL_write  2  @libssl.so.3
            aes_gcm_encrypt_avx512  22  @libcrypto.so.3
            write  @libc.so.6
              +tcp_send  52
        hashOf(std::span<unsigned char const>)  2  hash.cpp
          XXH3_64bits_internal  17
`,
  KERNEL_TREES,
)
