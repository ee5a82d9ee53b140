using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>
/// A disk in memory. It records all that is done to it, so that afterwards, for each step of a run, the disks can be made
/// that a power cut (or kill -9) at that step could leave: what was not synced is forgotten, kept or torn, file by file and
/// write by write; so are names that were made, changed or removed in a folder that was not synced.
/// </summary>
internal sealed class SimulatedDisk : IFiles
{
    private readonly Lock _lock = new();
    private readonly List<Step> _steps = [];
    private readonly Dictionary<string, Node> _names = new(StringComparer.Ordinal);
    private int _changes;

    /// <summary>The change (write, sync, create …) with this number fails, and those after it, so many in all.</summary>
    public (int At, int Count) Fault { get; set; } = (int.MaxValue, 0);

    /// <summary>A write that fails has written half.</summary>
    public bool TearsAtFault { get; set; }

    public long Free { get; set; } = long.MaxValue;

    public int Steps
    {
        get
        {
            lock (_lock)
                return _steps.Count;
        }
    }

    public int Changes => _changes;

    public IFile Create(string path)
    {
        lock (_lock)
        {
            Change();
            RequireFolder(path);
            if (_names.TryGetValue(path, out var old) && !old.IsFolder)
            {
                old.SetLength(0);
                Record(new(What.Cut, old, path, null, 0, []));
                return new SimulatedFile(this, old, path);
            }
            Node node = new(false);
            _names[path] = node;
            Record(new(What.Name, node, path, null, 0, []));
            return new SimulatedFile(this, node, path);
        }
    }

    public IFile Open(string path)
    {
        lock (_lock)
            return _names.TryGetValue(path, out var node) && !node.IsFolder ? new SimulatedFile(this, node, path) : throw new FileNotFoundException(path);
    }

    public bool Exists(string path)
    {
        lock (_lock)
            return _names.TryGetValue(path, out var node) && !node.IsFolder;
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            if (!_names.ContainsKey(path))
                return;
            Change();
            _names.Remove(path);
            Record(new(What.Unname, null, path, null, 0, []));
        }
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Change();
            var node = _names[from];
            _names.Remove(from);
            _names[to] = node;
            Record(new(What.Rename, node, from, to, 0, []));
        }
    }

    public void CreateFolder(string path)
    {
        lock (_lock)
        {
            if (path.Length <= 1 || _names.ContainsKey(path))
                return;
            CreateFolder(Path.GetDirectoryName(path)!);
            Change();
            Node node = new(true);
            _names[path] = node;
            Record(new(What.Name, node, path, null, 0, []));
        }
    }

    public bool FolderExists(string path)
    {
        lock (_lock)
            return path == "/" || (_names.TryGetValue(path, out var node) && node.IsFolder);
    }

    public void DeleteFolder(string path)
    {
        lock (_lock)
        {
            foreach (var inside in _names.Keys.Where(name => name.StartsWith(path + "/", StringComparison.Ordinal)).ToList())
                Delete(inside);
            Delete(path);
        }
    }

    public IReadOnlyList<string> Files(string folder) => In(folder, folders: false);

    public IReadOnlyList<string> Folders(string folder) => In(folder, folders: true);

    public void SyncFolder(string path)
    {
        lock (_lock)
        {
            Change();
            Record(new(What.SyncFolder, null, path, null, 0, []));
        }
    }

    public long FreeBytes(string folder) => Free;

    public IDisposable Lock(string path) => new MemoryStream();

    /// <summary>The disk as it may be found after a cut behind so many steps.</summary>
    /// <param name="seed">0 = nothing that was not synced is there; 1 = all of it, as after kill -9; else by lot.</param>
    public SimulatedDisk After(int steps, int seed)
    {
        lock (_lock)
        {
            PowerCut cut = new(new Random(seed), seed switch { 0 => 0, 1 => 1, _ => 2 });
            foreach (var step in _steps.Take(steps))
                cut.Do(step);
            SimulatedDisk disk = new();
            foreach (var (path, node) in cut.Remains())
                disk._names[path] = node;
            // What is found is on disk: a second cut does not take it away.
            foreach (var (path, node) in disk._names.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                disk._steps.Add(new(What.Name, node, path, null, 0, []));
                disk._steps.Add(new(What.SyncFolder, null, Path.GetDirectoryName(path) ?? "", null, 0, []));
                if (!node.IsFolder)
                {
                    disk._steps.Add(new(What.Write, node, path, null, 0, node.Content.ToArray()));
                    disk._steps.Add(new(What.Sync, node, path, null, 0, []));
                }
            }
            return disk;
        }
    }

    private List<string> In(string folder, bool folders)
    {
        lock (_lock)
            return [.. _names.Where(pair => pair.Value.IsFolder == folders && Path.GetDirectoryName(pair.Key) == folder).Select(pair => Path.GetFileName(pair.Key))];
    }

    private void RequireFolder(string path)
    {
        if (!_names.ContainsKey(Path.GetDirectoryName(path)!))
            throw new DirectoryNotFoundException(path);
    }

    private void Change()
    {
        if (IsFaulty())
            throw new IOException("No space left on device");
    }

    private bool IsFaulty() => _changes++ >= Fault.At && _changes <= (long)Fault.At + Fault.Count;

    private void Record(Step step) => _steps.Add(step);

    private enum What
    {
        Name,
        Unname,
        Rename,
        SyncFolder,
        Write,
        Cut,
        Sync,
    }

    private sealed record Step(What What, Node? Node, string Path, string? To, long Offset, byte[] Bytes);

    private sealed class Node(bool isFolder)
    {
        private byte[] _content = [];
        private int _length;

        public bool IsFolder => isFolder;

        public ReadOnlySpan<byte> Content => _content.AsSpan(0, _length);

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            if (bytes.IsEmpty)
                return;
            if (offset + bytes.Length > _content.Length)
                Array.Resize(ref _content, Math.Max((int)offset + bytes.Length, _content.Length * 2));
            bytes.CopyTo(_content.AsSpan((int)offset));
            _length = Math.Max(_length, (int)offset + bytes.Length);
        }

        public void SetLength(long length)
        {
            if (length > _content.Length)
                Array.Resize(ref _content, (int)length);
            if (length < _length)
                _content.AsSpan((int)length, _length - (int)length).Clear();
            _length = (int)length;
        }

        public Node Copy()
        {
            Node copy = new(isFolder);
            copy.Write(Content, 0);
            return copy;
        }
    }

    private sealed class SimulatedFile(SimulatedDisk disk, Node node, string path) : IFile
    {
        public long Length
        {
            get
            {
                lock (disk._lock)
                    return node.Content.Length;
            }
        }

        public int Read(Span<byte> to, long offset)
        {
            lock (disk._lock)
            {
                var content = node.Content;
                if (offset >= content.Length)
                    return 0;
                content = content[(int)offset..];
                content = content[..Math.Min(content.Length, to.Length)];
                content.CopyTo(to);
                return content.Length;
            }
        }

        public void Write(ReadOnlySpan<byte> bytes, long offset)
        {
            lock (disk._lock)
            {
                var fails = disk.IsFaulty();
                if (fails)
                    bytes = disk.TearsAtFault ? bytes[..(bytes.Length / 2)] : [];
                node.Write(bytes, offset);
                disk.Record(new(What.Write, node, path, null, offset, bytes.ToArray()));
                if (fails)
                    throw new IOException("No space left on device");
            }
        }

        public void Sync()
        {
            lock (disk._lock)
            {
                disk.Change();
                disk.Record(new(What.Sync, node, path, null, 0, []));
            }
        }

        public void SetLength(long length)
        {
            lock (disk._lock)
            {
                disk.Change();
                node.SetLength(length);
                disk.Record(new(What.Cut, node, path, null, length, []));
            }
        }

        public void Dispose()
        {
        }
    }

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
