import { parseCallTree } from '../call-tree.ts'
import { KERNEL_TREES } from './kernel.ts'

/** An API server on Node: JavaScript on V8, JSON in and out, a database over TCP. */
export const CHECKOUT = parseCallTree(
  `
_start  @node
  __libc_start_main@@GLIBC_2.34  @libc.so.6
    main  @node
      node::Start(int, char**)
        node::SpinEventLoopInternal(node::Environment*)
          uv_run  3
            uv__io_poll  6
              epoll_wait  @libc.so.6
                +epoll  62
              uv__stream_io  4
                uv__read  5
                  read  @libc.so.6
                    +tcp_receive  34
                  node::LibuvStreamWrap::OnUvRead(long, uv_buf_t const*)  3
                    node::StreamResource::EmitRead(long, uv_buf_t const&)
                      node::(anonymous namespace)::Parser::OnStreamRead(long, uv_buf_t const&)  4
                        llhttp_execute  3
                          llhttp__internal__run  24
                        Builtins_JSEntryTrampoline  2
                          parserOnHeadersComplete  9  @[js]  node:_http_common
                            parserOnIncoming  8  node:_http_server
                              emit  5  node:events
                                handleRequest  7  /srv/checkout/src/server.js
                                  matchRoute  12  /srv/checkout/src/router.js
                                  authenticate  6  /srv/checkout/src/auth.js
                                    verifyToken  9
                                      Builtins_CallApiCallback  2  @node
                                        node::crypto::Hmac::HmacUpdate(v8::FunctionCallbackInfo<v8::Value> const&)  4
                                          EVP_DigestUpdate  3  @libcrypto.so.3
                                            sha256_block_data_order_avx2  31
                                  readBody  8  /srv/checkout/src/body.js
                                    parseCart  6  /srv/checkout/src/cart.js
                                      Builtins_JsonParse  3  @node
                                        v8::internal::JsonParser<unsigned char>::Parse(v8::internal::Handle<v8::internal::Object>)  4
                                          v8::internal::JsonParser<unsigned char>::ParseJsonValue(v8::internal::Handle<v8::internal::Object>)  18
                                            v8::internal::JsonParser<unsigned char>::ScanJsonString(bool)  10
                                            v8::internal::Factory::NewJSObjectFromMap(v8::internal::DirectHandle<v8::internal::Map>)  6
                                      validateItem  6
            uv__run_timers  2
              node::Environment::RunTimers(uv_timer_s*)  1
                processTimers  4  @[js]  node:internal/timers
                  expireSessions  7  /srv/checkout/src/session.js
          node::InternalCallbackScope::Close()  2
            processTicksAndRejections  8  @[js]  node:internal/process/task_queues
              checkout  9  /srv/checkout/src/checkout.js
                loadInventory  6  /srv/checkout/src/inventory.js
                  query  8  /srv/checkout/node_modules/pg/lib/client.js
                    serialize  13  /srv/checkout/node_modules/pg-protocol/dist/serializer.js
                    writeGeneric  5  node:internal/stream_base_commons
                      node::StreamBase::WriteString<(node::encoding)1>(v8::FunctionCallbackInfo<v8::Value> const&)  4  @node
                        uv_try_write  2
                          write  @libc.so.6
                            +tcp_send  38
                  parseRows  16  /srv/checkout/node_modules/pg-protocol/dist/parser.js
                    parseDataRow  27
                    parseTimestamp  14  /srv/checkout/node_modules/postgres-date/index.js
                      Builtins_RegExpExecInternal  2  @node
                        v8::internal::RegExpImpl::IrregexpExec(v8::internal::Isolate*)  16
                priceCart  11  /srv/checkout/src/pricing.js
                  applyDiscounts  29
                    matchRule  34
                  computeTax  18
                    roundMoney  9
                reserveStock  7  /srv/checkout/src/inventory.js
                  query  5  /srv/checkout/node_modules/pg/lib/client.js
                    writeGeneric  3  node:internal/stream_base_commons
                      uv_try_write  1  @node
                        write  @libc.so.6
                          +tcp_send  22
              sendReceipt  5  /srv/checkout/src/receipt.js
                stringify  7
                  Builtins_JsonStringify  3  @node
                    v8::internal::JsonStringifier::SerializeObject(v8::internal::Handle<v8::internal::Object>)  28
                end  4  @[js]  node:_http_outgoing
                  write  @libc.so.6
                    +tcp_send  48
              logRequest  6  /srv/checkout/src/log.js
                formatLine  13
start_thread  @libc.so.6
  node::WorkerThreadsTaskRunner::Run(node::TaskQueue*)  1  @node
    v8::internal::ScavengerCollector::JobTask::Run(v8::JobDelegate*)  2
      v8::internal::Scavenger::Process(v8::JobDelegate*)  19
        v8::internal::Scavenger::ScavengeObject(v8::internal::HeapObjectReference)  16
        +page_fault  14
    v8::internal::ConcurrentMarking::JobTaskMajor::Run(v8::JobDelegate*)  12
    v8::internal::OptimizingCompileTaskExecutor::RunCompilationJob(v8::internal::TurbofanCompilationJob*)  2
      v8::internal::compiler::PipelineImpl::OptimizeGraph(v8::internal::compiler::Linkage*)  17
    uv_cond_wait  1
      pthread_cond_wait  @libc.so.6
        +futex  11
`,
  KERNEL_TREES,
)
