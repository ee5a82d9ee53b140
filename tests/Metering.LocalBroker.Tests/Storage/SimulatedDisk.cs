using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Tests.Storage;

/// <summary>
/// A disk in memory. It records all that is done to it, so that afterwards, for each step of a run, the disks can be made
/// that a power cut (or kill -9) at that step could leave: what was not synced is forgotten, kept or torn, file by file and
/// write by write; so are names that were made, changed or removed in a folder that was not synced.
/// </summary>
internal sealed partial class SimulatedDisk : IFiles
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
}
