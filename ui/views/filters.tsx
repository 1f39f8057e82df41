import type { Part } from '../api-client.ts'
import { Icon } from '../elements/icon.tsx'
import { Menu } from '../elements/menu.tsx'
import { visible } from '../flamegraph/label.ts'
import { lazy } from '../lazy.tsx'
import { change } from '../navigation.ts'
import { splitMatchers } from '../selector.ts'

const LabelList = lazy(async () => (await import('./label-list.tsx')).LabelList)

/** Matchers besides service and version: hosts, regions, anything a series is labelled with. */
export function Filters({ where, part }: { where: string; part: Part }) {
  const matchers = splitMatchers(where)
  const put = (list: readonly string[]): void =>
    change({ where: list.join(', '), frame: null, zoom: null })
  return (
    <div class="filters">
      {matchers.map((matcher) => (
        <span class="chip" key={matcher}>
          <bdi>{visible(matcher)}</bdi>
          <button
            type="button"
            title={`Take the filter ${visible(matcher)} away`}
            onClick={() => put(matchers.filter((other) => other !== matcher))}
          >
            <Icon name="close" />
            <span class="unseen">Take the filter {visible(matcher)} away</span>
          </button>
        </span>
      ))}
      <Menu
        title="Add a filter"
        align="right"
        label={
          <>
            <Icon name="filter" />
            <span class="is-wide-only">Filter</span>
          </>
        }
      >
        {() => <LabelList.View part={part} onChoose={(matcher) => put([...matchers, matcher])} />}
      </Menu>
    </div>
  )
}
