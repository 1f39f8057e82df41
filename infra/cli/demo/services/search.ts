import { parseCallTree } from '../call-tree.ts'
import { KERNEL_TREES } from './kernel.ts'

/** A search engine on the JVM: scoring, decoding postings, a garbage collector beside it. */
export const SEARCH = parseCallTree(
  `
start_thread  @libc.so.6
  thread_native_entry(Thread*)  @libjvm.so
    Thread::call_run()
      JavaThread::thread_main_inner()
        thread_entry(JavaThread*, JavaThread*)
          JavaCalls::call_helper(JavaValue*, methodHandle const&, JavaCallArguments*, JavaThread*)
            StubRoutines (1)  1  @[jvm]
              java.lang.Thread.run()  1  Thread.java
                java.util.concurrent.ThreadPoolExecutor$Worker.run()  ThreadPoolExecutor.java
                  java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor$Worker)  3
                    java.util.concurrent.LinkedBlockingQueue.take()  2  LinkedBlockingQueue.java
                      jdk.internal.misc.Unsafe.park(boolean, long)  1  Unsafe.java
                        Parker::park(bool, long)  1  @libjvm.so
                          pthread_cond_wait  @libc.so.6
                            +futex  26
                    shop.search.QueryTask.run()  4  QueryTask.java
                      shop.search.QueryParser.parse(String)  9  QueryParser.java
                        shop.search.Analyzer.tokenize(CharSequence)  17  Analyzer.java
                        shop.search.Analyzer.stem(char[])  14
                      shop.search.IndexSearcher.search(Query, int)  6  IndexSearcher.java
                        shop.search.BooleanScorer.scoreRange(int, int)  21  BooleanScorer.java
                          shop.search.Postings.nextBlock()  12  Postings.java
                            shop.search.ForDecoder.decode(LongBuffer, long[])  96  ForDecoder.java
                            java.nio.DirectByteBuffer.getLong(int)  18  DirectByteBuffer.java
                              +page_fault  22
                          shop.search.Bm25.score(int, float)  71  Bm25.java
                          shop.search.TopDocs.offer(int, float)  27  TopDocs.java
                            java.util.PriorityQueue.siftDown(int, Object)  19  PriorityQueue.java
                        shop.search.SkipList.advance(int)  33  SkipList.java
                      shop.search.FacetCounter.count(DocSet)  13  FacetCounter.java
                        java.util.HashMap.getNode(Object)  31  HashMap.java
                          java.lang.String.hashCode()  9  String.java
                        shop.search.BitSet.nextSetBit(int)  24  BitSet.java
                      shop.search.Highlighter.highlight(Document, Query)  15  Highlighter.java
                        java.util.regex.Matcher.find()  6  Matcher.java
                          java.util.regex.Pattern$CharProperty.match(Matcher, int, CharSequence)  36  Pattern.java
                        shop.search.StoredFields.read(int)  8  StoredFields.java
                          LZ4_decompress_safe  44  @liblz4.so.1
                          pread64  1  @libc.so.6
                            +file_read  29
                      shop.search.ResultWriter.write(Results)  9  ResultWriter.java
                        shop.search.Json.writeString(String)  22  Json.java
                        sun.nio.ch.SocketChannelImpl.write(ByteBuffer)  3  SocketChannelImpl.java
                          sun.nio.ch.SocketDispatcher.write0(FileDescriptor, long, int)  1  SocketDispatcher.java
                            write  @libc.so.6
                              +tcp_send  46
                    shop.search.Acceptor.poll()  4  Acceptor.java
                      sun.nio.ch.EPoll.wait(int, long, int, int)  1  EPoll.java
                        epoll_wait  @libc.so.6
                          +epoll  24
                      read  @libc.so.6
                        +tcp_receive  20
      GangWorker::run()  @libjvm.so
        GangWorker::loop()  2
          G1ParTask::work(unsigned int)  4
            G1ParScanThreadState::trim_queue_to_threshold(unsigned int)  31
              G1ParScanThreadState::do_copy_to_survivor_space(G1HeapRegionAttr, oopDesc*, markWord)  38
                +page_fault  12
            G1RemSet::scan_heap_roots(G1ParScanThreadState*, unsigned int)  14
      CompilerThread::thread_entry(JavaThread*, JavaThread*)  @libjvm.so
        CompileBroker::compiler_thread_loop()  1
          C2Compiler::compile_method(ciEnv*, ciMethod*, int, bool, DirectiveSet*)  2
            PhaseChaitin::Register_Allocate()  11
            PhaseIdealLoop::build_and_optimize()  9
`,
  KERNEL_TREES,
)
