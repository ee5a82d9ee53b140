using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// Holds back the process's standard error for the moment of a connect: the engine tells nowhere else why it did not
/// start. What was written meanwhile by others is given back by <see cref="End"/> too, and the caller passes it on.
/// </summary>
internal sealed partial class StandardErrorCapture
{
    private const int StandardError = 2;

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"metering-connect-{Guid.NewGuid():N}");
    private readonly int _kept;

    private StandardErrorCapture(int kept) => _kept = kept;

    public static StandardErrorCapture Begin()
    {
        var capture = new StandardErrorCapture(Dup(StandardError));
        using var file = new FileStream(capture._path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
        _ = Dup2(Descriptor(file.SafeFileHandle), StandardError);
        return capture;
    }

    /// <summary>Standard error is the process's again; returns what was written to it since.</summary>
    public string End()
    {
        _ = Dup2(_kept, StandardError);
        _ = Close(_kept);
        var text = File.ReadAllText(_path, Encoding.UTF8).Trim();
        File.Delete(_path);
        return text;
    }

    private static int Descriptor(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Dup(int descriptor);

    [LibraryImport("libc", EntryPoint = "dup2")]
    private static partial int Dup2(int from, int to);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
