import { z } from '@hono/zod-openapi'

// The API's answers. The OpenAPI document comes from these schemas, the page takes their types
// (`import type` only). Times are RFC 3339 in UTC, `…Ms` unix milliseconds. `flat` is the frame
// itself, `cum` the frame with everything it calls; a recursive function counts once per stack in
// `cum` of tables. In a comparison A is the baseline and B the candidate.

/** A value in the profile type's unit: a number, beyond 2^53 a decimal string. */
export const Value = z.union([z.number(), z.string().regex(/^-?\d+$/)]).openapi('Value')

export const ErrorBody = z
  .object({
    error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }),
  })
  .openapi('Error')

export const FunctionInfo = z
  .object({
    /** 64-bit content hash, decimal. */
    id: z.string(),
    name: z.string(),
    /** Source file, '' when unknown. */
    file: z.string(),
    /** Base name of the file the code was mapped from, or `[kernel.kallsyms]`, `[python]`, … */
    module: z.string(),
    kind: z.string(),
  })
  .openapi('Function')

const Time = z.string().openapi({ format: 'date-time' })

export const Version = z
  .object({
    version: z.string(),
    firstSeen: Time,
    lastSeen: Time,
    hosts: z.number(),
    /** Mean cores used within the asked range while this version ran. */
    cores: z.number(),
  })
  .openapi('Version')

export const Service = z
  .object({
    service: z.string(),
    /** Mean cores over the covered time, also where the service ran for a part of it only. */
    cores: z.number(),
    hosts: z.number(),
    firstSeen: Time,
    lastSeen: Time,
    /** Newest first; also those that ran before the range, with `cores` and `hosts` 0. */
    versions: z.array(Version),
    /** Cores per whole step of the covered time, oldest first; step 0 begins at `covered.from`. */
    sparkline: z.array(z.number()),
    /** Profile types this service has. */
    types: z.array(z.string()),
    /** Simulated by `flamewatch demo`. */
    demo: z.boolean(),
  })
  .openapi('Service')

export const ServicesAnswer = z
  .object({
    from: Time,
    to: Time,
    /**
     * The time that CPU profiles of any service cover: from the first window that starts in the
     * range to the end of the last, no longer than the range. Absent where there are none.
     */
    covered: z.object({ from: Time, to: Time }).optional(),
    /** Of the sparklines. */
    stepMs: z.number(),
    services: z.array(Service),
  })
  .openapi('Services')

export const TypesAnswer = z
  .object({
    types: z.array(
      z.object({
        type: z.string(),
        name: z.string(),
        sampleType: z.string(),
        sampleUnit: z.string(),
        periodType: z.string(),
        periodUnit: z.string(),
      }),
    ),
  })
  .openapi('Types')

export const LabelsAnswer = z.object({ labels: z.array(z.string()) }).openapi('Labels')
export const LabelValuesAnswer = z.object({ values: z.array(z.string()) }).openapi('LabelValues')

export const SeriesAnswer = z
  .object({
    type: z.string(),
    unit: z.string(),
    from: Time,
    to: Time,
    /** As asked for, or the multiple of it that holds the longest window: else a comb. */
    stepMs: z.number(),
    series: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        /** True for the sum of the series beyond `limit`. */
        other: z.boolean(),
        /** Sum per step; step i begins at from + i * stepMs. */
        values: z.array(z.number()),
      }),
    ),
    /** As of a Side. */
    note: z.string().optional(),
  })
  .openapi('Series')

export const Side = z
  .object({
    query: z.string(),
    from: Time,
    to: Time,
    total: Value,
    /** Profiles (one per series and window) the side is made of. */
    profiles: z.number(),
    /** Samples: total divided by the sampling period; null where the type has no period. */
    samples: z.number().nullable(),
    hosts: z.number(),
    /** Sum over hosts of the time profiled, in seconds. */
    hostSeconds: z.number(),
    /** Share of `total` in stacks that do not reach the start of their thread. */
    brokenShare: z.number(),
    /** What the side lacks since profiles have expired, in sentences; absent where it lacks nothing. */
    note: z.string().optional(),
  })
  .openapi('Side')

export const Truncation = z
  .object({
    /** Frames cut from the tree; their weight stands in `residual` nodes under their parents. */
    frames: z.number(),
    /** Largest share of a side's total that a cut frame had. */
    belowShare: z.number(),
  })
  .openapi('Truncation')

// Columns of a tree, index = node, breadth first, node 0 = the whole; children stand together and
// are ordered by width (normalised `cum`, A + B), widest first. `function` indexes `functions`; a
// node of kind `residual` (function name `[N smaller frames]`) stands for cut children of its parent.
export const FlamegraphAnswer = z
  .object({
    type: z.string(),
    unit: z.string(),
    side: Side,
    functions: z.array(FunctionInfo),
    nodes: z.object({
      /** -1 for node 0. */
      parent: z.array(z.number()),
      function: z.array(z.number()),
      flat: z.array(Value),
      cum: z.array(Value),
    }),
    truncated: Truncation.nullable(),
    /** Which tables answered. */
    source: z.string(),
  })
  .openapi('Flamegraph')

export const Normalize = z.enum(['share', 'host', 'raw']).openapi('Normalize')

export const DiffAnswer = z
  .object({
    type: z.string(),
    unit: z.string(),
    normalize: Normalize,
    a: Side,
    b: Side,
    functions: z.array(FunctionInfo),
    nodes: z.object({
      parent: z.array(z.number()),
      function: z.array(z.number()),
      flatA: z.array(Value),
      flatB: z.array(Value),
      cumA: z.array(Value),
      cumB: z.array(Value),
      /** 0 = no clear change, 1 = certain; how it was found stands in `certainty`. */
      confidence: z.array(z.number()),
    }),
    /** One sentence: what `confidence` rests on. */
    certainty: z.string(),
    truncated: Truncation.nullable(),
    source: z.string(),
  })
  .openapi('Diff')

export const FunctionRow = z
  .object({
    function: FunctionInfo,
    flat: Value,
    cum: Value,
  })
  .openapi('FunctionRow')

export const ComparedFunctionRow = z
  .object({
    function: FunctionInfo,
    flatA: Value,
    flatB: Value,
    cumA: Value,
    cumB: Value,
    /** Normalised B minus normalised A, of the column sorted by. */
    delta: z.number(),
    confidence: z.number(),
  })
  .openapi('ComparedFunctionRow')

export const FunctionsAnswer = z
  .object({
    type: z.string(),
    unit: z.string(),
    side: Side,
    rows: z.array(FunctionRow),
    /** Functions there are in all. */
    count: z.number(),
  })
  .openapi('Functions')

export const ComparedFunctionsAnswer = z
  .object({
    type: z.string(),
    unit: z.string(),
    normalize: Normalize,
    a: Side,
    b: Side,
    rows: z.array(ComparedFunctionRow),
    count: z.number(),
    certainty: z.string(),
  })
  .openapi('ComparedFunctions')

// Callers grow from the function to the root, callees to the leaves; node 0 of both is the function.
export const NeighboursAnswer = z
  .object({
    function: FunctionInfo,
    flat: Value,
    cum: Value,
    callers: FlamegraphAnswer,
    callees: FlamegraphAnswer,
  })
  .openapi('Neighbours')

export const HistoryAnswer = z
  .object({
    function: FunctionInfo,
    type: z.string(),
    unit: z.string(),
    from: Time,
    to: Time,
    /** As in Series. */
    stepMs: z.number(),
    series: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        flat: z.array(z.number()),
        cum: z.array(z.number()),
        /** Of all stacks of that series, for shares. */
        total: z.array(z.number()),
      }),
    ),
    /** As of a Side. */
    note: z.string().optional(),
  })
  .openapi('History')

const DeployFields = {
  service: z.string(),
  version: z.string(),
  /** '' where nobody told. */
  commit: z.string(),
  /** Of the build or the release, http or https; '' where nobody told. */
  link: z.string(),
}

export const DeployTold = z.object(DeployFields).openapi('DeployTold')

const DeployRow = z
  .object({
    ...DeployFields,
    /** Start of its first profile; where profiles have expired, of that day. */
    firstSeen: Time,
    lastSeen: Time,
    /** Hosts that ever ran it. */
    hosts: z.number(),
  })
  .openapi('Deploy')

export const DeploysAnswer = z.object({ deploys: z.array(DeployRow) }).openapi('Deploys')

const JudgedArm = z
  .object({
    version: z.string(),
    from: Time,
    to: Time,
    hosts: z.number(),
    /** Effective hosts: what they count for given how unequal they are. Of `days`, the days. */
    effectiveHosts: z.number(),
    /** 0 where the type has no period. */
    samples: z.number(),
  })
  .openapi('JudgedArm')

// Costs are shares of the service's whole, 0 to 1.
export const RegressionRow = z
  .object({
    function: FunctionInfo,
    /** Of which column the figures are: the function's own cost, or with all it calls. */
    metric: z.enum(['flat', 'cum']),
    baseline: z.number(),
    candidate: z.number(),
    delta: z.number(),
    /** 95 % confidence interval of delta. */
    interval: z.tuple([z.number(), z.number()]),
    /** delta / baseline; null for a function the baseline has not. */
    relative: z.number().nullable(),
    p: z.number(),
    /** False discovery rate at which this is among the findings. */
    q: z.number(),
    /** Change that would be found in four of five cases. */
    detectable: z.number(),
    /** Part of the hosts whose own share went the same way; null where days are compared. */
    hostsAgree: z.number().nullable(),
    /** The host most of the scatter comes from, with its part of it. */
    topHost: z.object({ host: z.string(), weight: z.number() }).nullable(),
    /** Root to function, where most was gained. */
    path: z.array(FunctionInfo),
    /** Significant functions that this one explains. */
    members: z.number(),
    /** The change in cores at what the service uses now; null for types that are not CPU time. */
    cores: z.number().nullable(),
    /** Path of the page that shows it: both versions, the function with its callers and callees. */
    page: z.string(),
  })
  .openapi('Regression')

export const ShiftRow = z
  .object({
    function: FunctionInfo,
    kind: z.enum(['rename', 'wrapper', 'moved']),
    /** Where the cost was before, or within which function it moved. */
    from: FunctionInfo.nullable(),
    baseline: z.number(),
    candidate: z.number(),
    delta: z.number(),
  })
  .openapi('Shift')

export const RegressionsAnswer = z
  .object({
    service: z.string(),
    type: z.string(),
    baseline: JudgedArm,
    candidate: JudgedArm,
    /** How they were compared; `none` where nothing may be concluded. */
    design: z.enum(['did', 'canary', 'paired', 'days', 'none']),
    /** The same design hour by hour, since hosts changed over one after another. */
    byHour: z.boolean(),
    confidence: z.enum(['high', 'medium', 'low']),
    normalize: z.enum(['share', 'reference']),
    clusterBy: z.string(),
    verdict: z.enum(['ok', 'regression', 'inconclusive']),
    /** One sentence. */
    reason: z.string(),
    warnings: z.array(z.string()),
    thresholds: z.object({
      q: z.number(),
      minAbs: z.number(),
      minRel: z.number(),
      failOn: z.number(),
      minHosts: z.number(),
    }),
    /** Functions and columns compared. */
    tests: z.number(),
    /** What would be found in a function of this share. */
    detectable: z.array(z.object({ share: z.number(), delta: z.number().nullable() })),
    /** Largest first: a change of `failOn` in these could have been missed. */
    notCovered: z.array(FunctionInfo),
    regressions: z.array(RegressionRow),
    improvements: z.array(RegressionRow),
    /** Large rises that prove nothing about the version: one host makes most of each. */
    outliers: z.array(RegressionRow),
    /** Cost that changed its name or its place only. */
    shifts: z.array(ShiftRow),
  })
  .openapi('Regressions')

export const HostsAnswer = z
  .object({
    hosts: z.array(
      z.object({
        host: z.string(),
        /** Mean cores over the time covered by profiles of any host, as of services. */
        cores: z.number(),
        services: z.number(),
        firstSeen: Time,
        lastSeen: Time,
      }),
    ),
  })
  .openapi('Hosts')

export const AccountBody = z
  .object({
    taken: z.number(),
    idle: z.number(),
    /** Left out as the collector was told (--only-pid, …). */
    filtered: z.number(),
    kept: z.number(),
    dropped: z.record(z.string(), z.number()),
    faults: z.record(z.string(), z.number()),
    /** Samples in no column; 0 in a right account. */
    unaccounted: z.number(),
  })
  .openapi('SampleAccount')

export const CollectorsAnswer = z
  .object({
    collectors: z.array(
      z.object({
        collector: z.string(),
        host: z.string(),
        lastBatch: Time,
        batches: z.number(),
        /** Sequence numbers that never arrived within the range. */
        missing: z.number(),
        notes: z.array(z.string()),
      }),
    ),
    /** The collector that `flamewatch up` runs beside this server; null where there is none. */
    local: z
      .object({
        state: z.enum(['starting', 'sampling', 'failed', 'stopped']),
        /** Why it does not sample, and what to do. */
        message: z.string().optional(),
        hint: z.string().optional(),
      })
      .nullable(),
  })
  .openapi('Collectors')

export const AccountAnswer = z
  .object({
    from: Time,
    to: Time,
    total: AccountBody,
    /** Batches whose sequence numbers never arrived. */
    missingBatches: z.number(),
    collectors: z.array(
      z.object({
        collector: z.string(),
        host: z.string(),
        account: AccountBody,
        missingBatches: z.number(),
      }),
    ),
    /** By profile type: each has an account of its own. */
    types: z.array(z.object({ type: z.string(), account: AccountBody })),
    /** What each reason means. */
    reasons: z.record(z.string(), z.string()),
  })
  .openapi('Account')

const StoredRows = z
  .object({
    sent: z.number(),
    /** Sent and not in the store. */
    lacking: z.number(),
    /** In the store more often than sent. */
    doubled: z.number(),
  })
  .openapi('StoredRows')

export const AuditAnswer = z
  .object({
    from: Time,
    to: Time,
    /** Nothing is missing, lacking, doubled or unaccounted for. */
    fine: z.boolean(),
    collectors: z.array(
      z.object({
        collector: z.string(),
        host: z.string(),
        lastBatch: Time,
        batches: z.object({
          /** stored + spooled + missing. */
          sent: z.number(),
          stored: z.number(),
          /** Waited on its disk when the newest one was sent. */
          spooled: z.number(),
          /** Numbers that never arrived, between those that did. */
          missing: z.number(),
        }),
        /** Of the stored batches. */
        profiles: StoredRows,
        /** Stacks with a value, of those profiles. */
        stacks: StoredRows,
        account: AccountBody,
      }),
    ),
    /** Services whose sums of ten minutes are not those of their profiles. */
    unequalSums: z.array(
      z.object({ service: z.string(), type: z.string(), profiles: z.string(), sums: z.string() }),
    ),
  })
  .openapi('Audit')

export type FunctionInfo = z.infer<typeof FunctionInfo>
export type Version = z.infer<typeof Version>
export type Service = z.infer<typeof Service>
export type ServicesAnswer = z.infer<typeof ServicesAnswer>
export type TypesAnswer = z.infer<typeof TypesAnswer>
export type LabelsAnswer = z.infer<typeof LabelsAnswer>
export type LabelValuesAnswer = z.infer<typeof LabelValuesAnswer>
export type SeriesAnswer = z.infer<typeof SeriesAnswer>
export type Side = z.infer<typeof Side>
export type Normalize = z.infer<typeof Normalize>
export type FlamegraphAnswer = z.infer<typeof FlamegraphAnswer>
export type DiffAnswer = z.infer<typeof DiffAnswer>
export type FunctionRow = z.infer<typeof FunctionRow>
export type ComparedFunctionRow = z.infer<typeof ComparedFunctionRow>
export type FunctionsAnswer = z.infer<typeof FunctionsAnswer>
export type ComparedFunctionsAnswer = z.infer<typeof ComparedFunctionsAnswer>
export type NeighboursAnswer = z.infer<typeof NeighboursAnswer>
export type HistoryAnswer = z.infer<typeof HistoryAnswer>
export type Deploy = z.infer<typeof DeployRow>
export type RegressionRow = z.infer<typeof RegressionRow>
export type ShiftRow = z.infer<typeof ShiftRow>
export type RegressionsAnswer = z.infer<typeof RegressionsAnswer>
export type HostsAnswer = z.infer<typeof HostsAnswer>
export type CollectorsAnswer = z.infer<typeof CollectorsAnswer>
export type AccountAnswer = z.infer<typeof AccountAnswer>
export type AuditAnswer = z.infer<typeof AuditAnswer>
export type ErrorBody = z.infer<typeof ErrorBody>

// ---- Binary columns: `format=columns` of /flamegraph and /diff -------------------------------
//
// Little endian. Every section starts at a multiple of 8 bytes (zero padded).
//
//   u32  magic 0x31435746 ("FWC1")
//   u32  sides: 1 flame graph, 2 diff
//   u32  n: nodes            u32  m: functions
//   u32  headerBytes         u32  namesBytes
//   header   JSON, UTF-8: ColumnsHeader
//   f64  flatA[n]
//   f64  flatB[n]            only with two sides
//   u32  function[n]         index into the functions, most frequent first
//   u32  childCount[n]       nodes breadth first: the children of node i follow those of node i - 1
//   u8   confidence[n]       round(255 * confidence); only with two sides
//   u64  functionId[m]       content hash
//   u32  nameEnd[m]          end of each name in `names`
//   u32  fileIndex[m]        into header.files
//   u32  moduleIndex[m]      into header.modules
//   names    UTF-8, one after the other
//
// `cum` is the sum over a subtree and not sent. Values are exact to 2^53.
export type ColumnsHeader = {
  readonly type: string
  readonly unit: string
  readonly normalize?: Normalize
  readonly a: Side
  readonly b?: Side
  readonly certainty?: string
  readonly truncated: z.infer<typeof Truncation> | null
  readonly source: string
  readonly files: readonly string[]
  readonly modules: readonly string[]
  /** Kind of each module, same order. `residual` is a kind of its own. */
  readonly kinds: readonly string[]
}
