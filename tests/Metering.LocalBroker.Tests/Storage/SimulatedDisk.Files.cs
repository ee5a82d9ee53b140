using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Tests.Storage;

/// <content>Files and folders, and what of them is on the disk.</content>
internal sealed partial class SimulatedDisk
{
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
}
