using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Tests.Storage;

/// <content>What a power cut may leave.</content>
internal sealed partial class SimulatedDisk
{
    /// <summary>Follows the steps: what is safe, and what is not yet.</summary>
    private sealed class PowerCut(Random lot, int mode)
    {
        private readonly Dictionary<Node, Node> _safe = [];
        private readonly Dictionary<Node, List<Step>> _unsafe = [];
        private readonly Dictionary<string, Node> _safeNames = new(StringComparer.Ordinal);
        private readonly List<Step> _unsafeNames = [];

        public void Do(Step step)
        {
            switch (step.What)
            {
                case What.Write or What.Cut:
                    if (!_unsafe.TryGetValue(step.Node!, out var steps))
                        _unsafe.Add(step.Node!, steps = []);
                    steps.Add(step);
                    break;
                case What.Sync:
                    if (_unsafe.Remove(step.Node!, out var done))
                    {
                        foreach (var change in done)
                            Apply(SafeOf(step.Node!), change, torn: false);
                    }
                    break;
                case What.SyncFolder:
                    foreach (var change in _unsafeNames.Where(change => Path.GetDirectoryName(change.Path) == step.Path).ToList())
                    {
                        Apply(_safeNames, change);
                        _unsafeNames.Remove(change);
                    }
                    break;
                default:
                    _unsafeNames.Add(step);
                    break;
            }
        }

        public Dictionary<string, Node> Remains()
        {
            Dictionary<string, Node> names = new(_safeNames, StringComparer.Ordinal);
            foreach (var change in _unsafeNames)
            {
                if (IsKept())
                    Apply(names, change);
            }
            Dictionary<string, Node> remains = new(StringComparer.Ordinal);
            foreach (var (path, node) in names)
            {
                if (IsReachable(names, path))
                    remains[path] = node.IsFolder ? node : ContentOf(node);
            }
            return remains;
        }

        private bool IsKept() => mode == 1 || (mode == 2 && lot.Next(2) == 0);

        private Node ContentOf(Node node)
        {
            var content = SafeOf(node).Copy();
            foreach (var change in _unsafe.GetValueOrDefault(node) ?? [])
            {
                if (mode == 1)
                    Apply(content, change, torn: false);
                else if (mode == 2 && lot.Next(3) is var kind and > 0)
                    Apply(content, change, torn: kind == 2);
            }
            return content;
        }

        private Node SafeOf(Node node)
        {
            if (!_safe.TryGetValue(node, out var safe))
                _safe.Add(node, safe = new Node(false));
            return safe;
        }

        private void Apply(Node to, Step change, bool torn)
        {
            if (change.What == What.Cut)
            {
                to.SetLength(change.Offset);
                return;
            }
            if (!torn)
            {
                to.Write(change.Bytes, change.Offset);
                return;
            }
            if (lot.Next(2) == 0)
            {
                to.Write(change.Bytes.AsSpan(0, lot.Next(change.Bytes.Length + 1)), change.Offset);
                return;
            }
            for (var at = 0; at < change.Bytes.Length;)
            {
                var sector = Math.Min(change.Bytes.Length - at, 512 - (int)((change.Offset + at) % 512));
                if (lot.Next(2) == 0)
                    to.Write(change.Bytes.AsSpan(at, sector), change.Offset + at);
                at += sector;
            }
        }

        private static void Apply(Dictionary<string, Node> names, Step change)
        {
            switch (change.What)
            {
                case What.Name:
                    names[change.Path] = change.Node!;
                    break;
                case What.Unname:
                    names.Remove(change.Path);
                    break;
                case What.Rename:
                    if (names.TryGetValue(change.Path, out var old) && old == change.Node)
                        names.Remove(change.Path);
                    names[change.To!] = change.Node!;
                    break;
            }
        }

        private static bool IsReachable(Dictionary<string, Node> names, string path)
        {
            for (var folder = Path.GetDirectoryName(path); folder is { Length: > 1 }; folder = Path.GetDirectoryName(folder))
            {
                if (!names.TryGetValue(folder, out var node) || !node.IsFolder)
                    return false;
            }
            return true;
        }
    }
}
